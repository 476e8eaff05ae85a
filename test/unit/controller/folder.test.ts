/** What a folder of files says, given what it said before. */
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type FolderView, interpretFolder, type LastGood } from '../../../src/controller/folder/interpret.ts';
import { memoryText, parseMemory } from '../../../src/controller/folder/memory.ts';
import { folderUid } from '../../../src/controller/uid.ts';
import { identityOf, identityText } from '../../../src/crd/parse.ts';
import { problemText } from '../../../src/crd/problem.ts';
import { realServerObject, valid, virtualServiceObject } from '../../support/objects.ts';

const NOTHING: LastGood = new Map();
const files = (contents: Record<string, string | null>) =>
  Object.entries(contents).map(([path, text]) => ({ path, text, error: text === null ? 'EACCES' : null }));
const yaml = (...objects: object[]): string => objects.map((object) => stringify(object)).join('---\n');
const names = (view: FolderView): string[] => view.objects.map((object) => identityText(identityOf(object)));
const problems = (view: FolderView): string[] => view.problems.map(problemText);

const web = virtualServiceObject({});
const rs1 = realServerObject('rs1', {});
const rs2 = realServerObject('rs2', { address: '192.168.112.154' });
const both = interpretFolder(files({ 'a.yaml': yaml(web, rs1), 'b.yaml': yaml(rs2) }), NOTHING);

describe('a folder of valid files', () => {
  it('is all its objects, in order of namespace and name', () => {
    expect(names(both)).toEqual(['RealServer default/rs1', 'RealServer default/rs2', 'VirtualService default/web']);
    expect(both).toMatchObject({ problems: [], retained: { all: false }, empty: false });
    expect(both.lastGood.get('a.yaml')).toHaveLength(2);
  });

  it('may hold a List, JSON, and objects of others', () => {
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [web, rs1] });
    const view = interpretFolder(
      files({ 'a.json': list, 'k.yaml': 'apiVersion: x/v1\nkind: Kustomization\n' }),
      NOTHING,
    );
    expect(names(view)).toEqual(['RealServer default/rs1', 'VirtualService default/web']);
    expect(view).toMatchObject({ problems: [], foreign: ['k.yaml: x/v1 Kustomization'] });
  });

  it('is empty when no file says anything about us', () => {
    expect(interpretFolder([], NOTHING).empty).toBe(true);
    expect(interpretFolder(files({ 'a.yaml': '# nothing\n' }), NOTHING).empty).toBe(true);
    expect(interpretFolder(files({ 'a.yaml': ': :' }), NOTHING).empty).toBe(false);
  });
});

describe('a deletion', () => {
  it('is a file that is gone, or an object that a readable file no longer holds', () => {
    expect(names(interpretFolder(files({ 'a.yaml': yaml(web, rs1) }), both.lastGood))).not.toContain(
      'RealServer default/rs2',
    );
    expect(names(interpretFolder(files({ 'a.yaml': yaml(web), 'b.yaml': yaml(rs2) }), both.lastGood))).toEqual([
      'RealServer default/rs2',
      'VirtualService default/web',
    ]);
  });

  it('is a file in which everything is commented out', () => {
    expect(
      names(interpretFolder(files({ 'a.yaml': yaml(web, rs1), 'b.yaml': '# off\n' }), both.lastGood)),
    ).toHaveLength(2);
  });

  it('is not an object that moved to another file', () => {
    const view = interpretFolder(files({ 'c.yaml': yaml(web, rs1, rs2) }), both.lastGood);
    expect(names(view)).toHaveLength(3);
    expect(view.problems).toEqual([]);
  });
});

describe('a file that is not understood', () => {
  const broken = { 'a.yaml': 'kind: [', 'b.yaml': yaml(rs2) };

  it('keeps what it held, and says where it is wrong', () => {
    const view = interpretFolder(files(broken), both.lastGood);
    expect(names(view)).toEqual(names(both));
    expect(problems(view)[0]).toMatch(/^a\.yaml:\d+:\d+: is not YAML: /);
    expect(view.retained).toEqual({ all: false, uids: new Set() });
    // And again: the last good state is handed on.
    expect(names(interpretFolder(files(broken), view.lastGood))).toEqual(names(both));
  });

  it('keeps everything in the kernel when nobody knows what it held', () => {
    const view = interpretFolder(files(broken), NOTHING);
    expect(names(view)).toEqual(['RealServer default/rs2']);
    expect(view.retained.all).toBe(true);
  });

  it('is one that cannot be read', () => {
    const view = interpretFolder(files({ 'a.yaml': null, 'b.yaml': yaml(rs2) }), both.lastGood);
    expect(names(view)).toEqual(names(both));
    expect(problems(view)).toEqual([expect.stringContaining('a.yaml:1:1: cannot be read: EACCES (Unreadable)')]);
  });

  it('is one that is empty but held objects', () => {
    for (const text of ['', ' \n\n']) {
      const view = interpretFolder(files({ 'a.yaml': text, 'b.yaml': yaml(rs2) }), both.lastGood);
      expect(names(view)).toEqual(names(both));
      expect(problems(view)[0]).toContain('is empty but held objects before');
    }
  });

  it('does not bring back what another file now holds', () => {
    const changed = realServerObject('rs1', { weight: 7 });
    const view = interpretFolder(files({ ...broken, 'b.yaml': yaml(rs2, changed) }), both.lastGood);
    expect(view.objects.find((object) => object.metadata.name === 'rs1')).toMatchObject({ spec: { weight: 7 } });
    expect(view.problems).toHaveLength(1);
  });

  it('cannot blow up memory by aliases', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefg'.split('').map((name, index) => {
        const before = 'abcdef'[index] ?? 'a';
        return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(',')}]`;
      }),
    ].join('\n');
    const view = interpretFolder(files({ 'a.yaml': bomb }), NOTHING);
    expect(problems(view)[0]).toContain('is not YAML');
  });
});

describe('an object that is wrong', () => {
  const wrong = virtualServiceObject({ ports: [{ port: 70_000 }] });

  it('keeps its last good state while the rest of its file changes', () => {
    const heavier = realServerObject('rs1', { weight: 9 });
    const view = interpretFolder(files({ 'a.yaml': yaml(wrong, heavier), 'b.yaml': yaml(rs2) }), both.lastGood);
    expect(view.objects).toContainEqual(valid(web));
    expect(view.objects).toContainEqual(valid(heavier));
    expect(problems(view)).toEqual([
      expect.stringContaining('a.yaml:9:13: VirtualService default/web: spec.ports[0].port: 70000'),
    ]);
    expect(interpretFolder(files({ 'a.yaml': yaml(wrong, heavier) }), view.lastGood).objects).toContainEqual(
      valid(web),
    );
  });

  it('is not served when it never was right, and what the kernel has for it stays', () => {
    const view = interpretFolder(files({ 'a.yaml': yaml(wrong, rs1) }), NOTHING);
    expect(names(view)).toEqual(['RealServer default/rs1']);
    const uid = folderUid({ kind: 'VirtualService', namespace: 'default', name: 'web' });
    expect(view.retained).toEqual({ all: false, uids: new Set([uid]) });
  });

  it('without a name may be any that the file held', () => {
    const nameless = { ...web, metadata: {} };
    const view = interpretFolder(files({ 'a.yaml': yaml(nameless, rs1), 'b.yaml': yaml(rs2) }), both.lastGood);
    expect(names(view)).toEqual(names(both));
    expect(view.problems).toHaveLength(1);
    expect(interpretFolder(files({ 'a.yaml': yaml(nameless, rs1) }), NOTHING).retained.all).toBe(true);
  });

  it('in a second file does not disturb the valid one', () => {
    const view = interpretFolder(files({ 'a.yaml': yaml(web), 'b.yaml': yaml(wrong) }), both.lastGood);
    expect(view.objects).toContainEqual(valid(web));
    expect(view.problems).toHaveLength(1);
    expect(view.retained.uids.size).toBe(0);
  });

  it('is located at its nearest parent when the field is missing', () => {
    const view = interpretFolder(
      files({
        'a.yaml': 'apiVersion: lvs-director.io/v1alpha1\nkind: RealServer\nmetadata:\n  name: x\nspec:\n  weight: 1\n',
      }),
      NOTHING,
    );
    expect(problems(view)).toEqual([
      expect.stringContaining('a.yaml:6:3: RealServer default/x: spec.address: is missing'),
    ]);
  });
});

describe('the same object twice', () => {
  it('counts once, the first file by path, and the second says so', () => {
    const other = virtualServiceObject({ scheduler: 'rr' });
    const view = interpretFolder(files({ 'a.yaml': yaml(web), 'b.yaml': yaml(other) }), NOTHING);
    expect(view.objects).toEqual([valid(web)]);
    expect(problems(view)).toEqual([
      'b.yaml:1:1: VirtualService default/web: is already in a.yaml, line 1, and that one counts (DuplicateObject). Remove one of the two, or give it another name.',
    ]);
  });

  it('is found inside one file too', () => {
    const view = interpretFolder(files({ 'a.yaml': yaml(web, web) }), NOTHING);
    expect(view.objects).toHaveLength(1);
    expect(view.problems).toHaveLength(1);
  });
});

describe('memory of the last good state', () => {
  it('comes back as it was', () => {
    expect(parseMemory(memoryText(both.lastGood, '/etc/lvs'), '/etc/lvs')).toEqual(both.lastGood);
  });

  it('is nothing when it is damaged, of another folder, or of objects that are no longer valid', () => {
    const text = memoryText(both.lastGood, '/etc/lvs');
    expect(parseMemory(text.slice(0, -10), '/etc/lvs').size).toBe(0);
    expect(parseMemory(text, '/etc/other').size).toBe(0);
    expect(parseMemory('{"version":2}', '/etc/lvs').size).toBe(0);
    expect(parseMemory(text.replaceAll('"port":81', '"port":0'), '/etc/lvs').get('a.yaml')).toEqual([valid(rs1)]);
  });
});

describe('a folder uid', () => {
  it('depends on kind, namespace and name, and is a UUID of version 8', () => {
    const uid = folderUid({ kind: 'VirtualService', namespace: 'a', name: 'b' });
    expect(uid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const others = [
      folderUid({ kind: 'RealServer', namespace: 'a', name: 'b' }),
      folderUid({ kind: 'VirtualService', namespace: 'b', name: 'b' }),
      folderUid({ kind: 'VirtualService', namespace: 'a', name: 'a' }),
    ];
    expect(new Set([uid, ...others]).size).toBe(4);
    expect(folderUid({ kind: 'VirtualService', namespace: 'a', name: 'b' })).toBe(uid);
  });
});
