/** Details of files: places, Lists, words of problems, and what a file keeps in force. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { readDocuments } from '../../../src/controller/folder/documents.ts';
import { interpretFolder, type LastGood } from '../../../src/controller/folder/interpret.ts';
import { memoryText, openFolderMemory, parseMemory } from '../../../src/controller/folder/memory.ts';
import { problemText } from '../../../src/crd/problem.ts';
import { realServerObject, valid, virtualServiceObject } from '../../support/objects.ts';

const web = virtualServiceObject({});
const wrong = virtualServiceObject({ ports: [{ port: 0 }] });
const nameless = { ...web, metadata: {} };
const rs1 = realServerObject('rs1', {});
const API = 'lvs-director.io/v1alpha1';

const yaml = (...objects: object[]): string => objects.map((object) => stringify(object)).join('---\n');
const folder = (contents: Record<string, string | null>, before: LastGood = new Map()) =>
  interpretFolder(
    Object.entries(contents).map(([path, text]) => ({ path, text, error: null })),
    before,
  );
const knew = (files: Record<string, object[]>): LastGood =>
  new Map(Object.entries(files).map(([path, objects]) => [path, objects.map(valid)]));
const kept = (view: ReturnType<typeof folder>): Record<string, number> =>
  Object.fromEntries([...view.lastGood].map(([path, objects]) => [path, objects.length]));

describe('a file', () => {
  it('has the places of its objects', () => {
    const { valid: found } = readDocuments('a.yaml', `# first\n${yaml(rs1, web)}`);
    expect(found.map(({ place }) => place)).toEqual([
      { file: 'a.yaml', line: 2, column: 1 },
      { file: 'a.yaml', line: 11, column: 1 },
    ]);
  });

  it('has the places of problems inside a List', () => {
    const text = stringify({ apiVersion: 'v1', kind: 'List', items: [rs1, wrong] });
    const line = text.split('\n').findIndex((part) => part.includes('port: 0')) + 1;
    const { invalid } = readDocuments('a.yaml', text);
    expect(invalid[0]?.problems[0]?.place).toEqual({ file: 'a.yaml', line, column: 17 });
  });

  it.each([
    ['a List without items', `apiVersion: v1\nkind: List\n`, [], ['v1 List'], []],
    ['a List whose items are no list', `apiVersion: v1\nkind: List\nitems: 5\n`, [], ['v1 List'], []],
    [
      'items without a List',
      `apiVersion: ${API}\nkind: RealServer\nitems: []\n`,
      [],
      [],
      [['a.yaml:1:1', 'a.yaml:1:1', 'a.yaml:3:8']],
    ],
    ['items of another kind', `apiVersion: x/v1\nkind: Other\nitems: [{}]\n`, [], ['x/v1 Other'], []],
    ['only text', 'hello\n', [], [], [['a.yaml:1:1']]],
    ['a number', '5\n', [], [], [['a.yaml:1:1']]],
    ['a list', '- 1\n', [], [], [['a.yaml:1:1']]],
    ['empty documents', `---\n---\nnull\n---\n~\n`, [], [], []],
    ['nothing', '', [], [], []],
  ])('that holds %s', (_what, text, found, foreign, problems) => {
    const content = readDocuments('a.yaml', text);
    expect(content.valid).toEqual(found);
    expect(content.foreign).toEqual(foreign);
    expect(content.unreadable).toBeNull();
    const places = content.invalid.map((entry) =>
      entry.problems.map(({ place }) => `${place?.file}:${place?.line}:${place?.column}`).toSorted(),
    );
    expect(places).toEqual(problems);
    expect(content.blank).toBe(text === '');
  });

  it('that is broken says where and what to do, and nothing of it counts', () => {
    const content = readDocuments('a.yaml', `${yaml(web)}---\n{`);
    expect(content).toMatchObject({ blank: false, valid: [], invalid: [], foreign: [] });
    expect(content.unreadable && problemText(content.unreadable)).toMatch(
      /^a\.yaml:\d+:\d+: is not YAML: .* \(Unreadable\)\. Correct the file; until then what it held before stays in force\.$/s,
    );
  });

  it('says where the object stands that lacks its apiVersion', () => {
    const content = readDocuments('a.yaml', `${yaml(web)}---\n# second\n${yaml({ ...rs1, apiVersion: undefined })}`);
    const line = yaml(web).split('\n').length + 2;
    expect(content.invalid.flatMap(({ problems }) => problems.map(problemText))).toEqual([
      `a.yaml:${line}:1: apiVersion: is missing (Invalid). Write apiVersion: ${API}.`,
    ]);
  });

  it.each([
    ['where no anchor is', 'a: &c 1\nb: [*c, *b]\n', 2, 9],
    ['as a key', '\n\n? *b\n: 1\n', 3, 3],
    ['before the anchor', 'a: *b\nc: &b 1\n', 1, 4],
    ['to another document', 'a: &b 1\n---\na: *b\n', 3, 4],
    ['all too often', `\na: &a 1\nb: &b [${'*a, '.repeat(11)}]\nc: [${'*b, '.repeat(11)}]\n`, 2, 1],
  ])('whose alias leads %s is broken there', (_what, text, line, column) => {
    const { unreadable } = readDocuments('a.yaml', text);
    expect(unreadable?.message).toMatch(/alias/i);
    expect(unreadable?.place).toEqual({ file: 'a.yaml', line, column });
  });
});

describe('a folder', () => {
  it('is in order of namespace, name and kind, whatever the files say', () => {
    const at = (namespace: string, name: string) => realServerObject(name, {}, { namespace });
    const view = folder({
      'a.yaml': yaml(at('b', 'a'), virtualServiceObject({}, { name: 'b', namespace: 'a' }), at('a', 'c'), at('a', 'b')),
    });
    expect(view.objects.map(({ kind, metadata }) => `${metadata.namespace}/${metadata.name} ${kind}`)).toEqual([
      'a/b RealServer',
      'a/b VirtualService',
      'a/c RealServer',
      'b/a RealServer',
    ]);
    expect(view.empty).toBe(false);
    expect(kept(view)).toEqual({ 'a.yaml': 4 });
  });

  it('says of a file that cannot be read why, and what to do', () => {
    const view = folder({ 'a.yaml': null }, knew({ 'a.yaml': [web] }));
    expect(view.problems.map(problemText)).toEqual([
      'a.yaml:1:1: cannot be read: unknown error (Unreadable). Make it readable or delete it; until then what it held before stays in force.',
    ]);
    expect(view.retained.all).toBe(false);
    expect(kept(view)).toEqual({ 'a.yaml': 1 });
    expect(kept(folder({ 'a.yaml': null }))).toEqual({ 'a.yaml': 0 });
  });

  it('says of a file that became empty what to do', () => {
    expect(folder({ 'a.yaml': '' }, knew({ 'a.yaml': [web] })).problems.map(problemText)).toEqual([
      'a.yaml:1:1: is empty but held objects before, as after a write that was broken off (Unreadable). Delete the file to remove its objects, or write them again; until then they stay in force.',
    ]);
  });

  it.each([
    ['a file that never held anything', new Map()],
    ['a file that held nothing', new Map([['a.yaml', []]])],
  ])('may have %s and is empty', (_what, before: LastGood) => {
    expect(folder({ 'a.yaml': '' }, before)).toMatchObject({ problems: [], empty: true, retained: { all: false } });
  });

  it('keeps the last good state of an object that is wrong twice, once and without another word', () => {
    const view = folder({ 'a.yaml': yaml(wrong, wrong) }, knew({ 'a.yaml': [web] }));
    expect(view.problems.map((problem) => problem.reason)).toEqual(['Invalid', 'Invalid']);
    expect(kept(view)).toEqual({ 'a.yaml': 1 });
    expect(view.objects).toEqual([valid(web)]);
  });

  it('says of an object that is wrong in two files which of them counts', () => {
    const view = folder({ 'a.yaml': yaml(wrong), 'b.yaml': yaml(wrong) }, knew({ 'a.yaml': [web] }));
    expect(view.problems.map(problemText)).toContainEqual(
      expect.stringContaining('b.yaml:1:1: VirtualService default/web: is already in a.yaml, line 1'),
    );
  });

  it('says of an object that two broken files held which of them counts', () => {
    const view = folder({ 'a.yaml': '{', 'b.yaml': '{' }, knew({ 'a.yaml': [web], 'b.yaml': [web] }));
    expect(view.problems.map(problemText)).toContainEqual(
      expect.stringContaining('b.yaml:1:1: VirtualService default/web: is already in a.yaml, line 1'),
    );
    expect(view.objects).toEqual([valid(web)]);
  });

  it('keeps all that a file held in which one object has no name', () => {
    const before = knew({ 'a.yaml': [web, rs1] });
    const view = folder({ 'a.yaml': yaml(nameless) }, before);
    expect(view.retained).toEqual({ all: false, uids: new Set() });
    expect(kept(view)).toEqual({ 'a.yaml': 2 });
    expect(view.objects).toHaveLength(2);
    const again = folder({ 'a.yaml': yaml(nameless), 'b.yaml': '{' }, new Map([...before, ['b.yaml', [valid(web)]]]));
    expect(again.problems.map(problemText)).toContainEqual(expect.stringContaining('is already in a.yaml, line 1'));
  });

  it('does not keep what another file now holds', () => {
    const heavier = realServerObject('rs1', { weight: 9 });
    const view = folder({ 'a.yaml': yaml(nameless), 'b.yaml': yaml(heavier) }, knew({ 'a.yaml': [web, rs1] }));
    expect(view.objects).toEqual([valid(heavier), valid(web)]);
    expect(view.problems.map((problem) => problem.reason)).toEqual(['Invalid']);
    expect(kept(view)).toEqual({ 'a.yaml': 1, 'b.yaml': 1 });
  });
});

describe('the memory of a folder', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'folder-memory-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('is nothing at first, then what was saved, for the same folder only', async () => {
    const lastGood = knew({ 'a.yaml': [web, rs1] });
    const memory = openFolderMemory(directory, '/etc/lvs');
    expect(await memory.load()).toEqual(new Map());
    await memory.save(lastGood);
    expect(await readdir(directory)).toEqual([expect.stringMatching(/^folder-[0-9a-f]{16}\.json$/)]);
    expect(await openFolderMemory(directory, '/etc/../etc/lvs/').load()).toEqual(lastGood);
    expect(await openFolderMemory(directory, '/etc/other').load()).toEqual(new Map());
  });

  it('is written only when it differs', async () => {
    const lastGood = knew({ 'a.yaml': [web] });
    const memory = openFolderMemory(directory, '/etc/lvs');
    await memory.save(lastGood);
    const [name = ''] = await readdir(directory);
    const path = join(directory, name);
    await writeFile(path, 'marked');
    await memory.save(lastGood);
    expect(await readFile(path, 'utf8')).toBe('marked');
    await memory.save(new Map());
    expect(await readFile(path, 'utf8')).toBe(memoryText(new Map(), '/etc/lvs'));
    expect(await memory.load()).toEqual(new Map());
  });

  it('that is no JSON is nothing', () => {
    expect(parseMemory('{', '/etc/lvs')).toEqual(new Map());
  });
});
