/** The manifests of deploy: examples are valid, and the rights are those that are needed and no more. */
import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { folderFindings } from '../../../src/crd/folder-only.ts';
import { parseObject } from '../../../src/crd/parse.ts';

const DEPLOY = new URL('../../../deploy/', import.meta.url);
const documents = (path: string): unknown[] =>
  parseAllDocuments(readFileSync(new URL(path, DEPLOY), 'utf8')).map((document) => document.toJS() as unknown);

describe('an example', () => {
  const examples = globSync('examples/*/*.yaml', { cwd: DEPLOY });

  it.each(examples)('%s is valid', (path) => {
    const parsed = documents(path).map((data) => parseObject(data));
    expect(parsed.filter((each) => each.status === 'invalid')).toEqual([]);
    expect(parsed.some((each) => each.status === 'valid')).toBe(true);
  });

  it('for a folder can be served from one, that with a Service cannot', () => {
    const refused = examples.filter((path) =>
      documents(path).some((data) => {
        const parsed = parseObject(data);
        return parsed.status === 'valid' && folderFindings(parsed.object).length > 0;
      }),
    );
    expect(refused).toEqual(['examples/service/web.yaml']);
  });
});

describe('the rights', () => {
  const rule = z.object({
    apiGroups: z.array(z.string()),
    resources: z.array(z.string()),
    verbs: z.array(z.string()),
    resourceNames: z.array(z.string()).optional(),
  });
  const roles = documents('rbac.yaml').flatMap((data) => {
    const parsed = z.object({ kind: z.string(), rules: z.array(rule) }).safeParse(data);
    return parsed.success ? [parsed.data] : [];
  });
  const rules = roles.flatMap((role) => role.rules);

  // That the rest is needed, and is enough, is shown by what agents ask a real API server: test/e2e/several.test.ts.
  it('to definitions are those of the kinds that are followed', () => {
    const names = rules.find(({ resources }) => resources.includes('customresourcedefinitions'))?.resourceNames;
    expect(names).toEqual(['virtualservices.lvs-director.io', 'realservers.lvs-director.io']);
  });

  it('include no wildcard, no Secret and no deletion', () => {
    const words = rules.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs]);
    expect(words.filter((word) => word.includes('*') || /^(secrets|pods|delete.*)$/.test(word))).toEqual([]);
  });

  it('to Leases hold in one namespace only', () => {
    const [role] = roles.filter(({ rules: list }) => list.some(({ resources }) => resources.includes('leases')));
    expect(role?.kind).toBe('Role');
  });
});
