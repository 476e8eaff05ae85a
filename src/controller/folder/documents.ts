/**
 * The text of one file to objects and problems, each with its line and column. Pure.
 */
import {
  isAlias,
  isNode,
  LineCounter,
  parseAllDocuments,
  visit,
  type Document,
  type Node,
  type ParsedNode,
} from 'yaml';
import { folderFindings } from '../../crd/folder-only.ts';
import { type Finding, type Identity, identityOf, type LvsObject, parseObject } from '../../crd/parse.ts';
import type { Place, Problem } from '../../crd/problem.ts';

export interface FileContent {
  /** Nothing in it at all, not even a comment: what a full disk or a half-done write leaves behind. */
  readonly blank: boolean;
  /** Set when the file as a whole cannot be trusted. */
  readonly unreadable: Problem | null;
  readonly valid: readonly { readonly object: LvsObject; readonly place: Place }[];
  readonly invalid: readonly { readonly identity: Identity | null; readonly problems: readonly Problem[] }[];
  /** Objects of other API groups, which are none of our business. */
  readonly foreign: readonly string[];
}

/** Deepest nesting and most aliases that a manifest needs; beyond it lies only abuse. */
const PARSE_LIMITS = { maxAliasCount: 100 } as const;

/** Parse a file of YAML documents (JSON is YAML). A `kind: List` stands for its items. */
export function readDocuments(file: string, text: string): FileContent {
  const empty: FileContent = { blank: text.trim() === '', unreadable: null, valid: [], invalid: [], foreign: [] };
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  if (!Array.isArray(documents)) return empty;
  const valid: { object: LvsObject; place: Place }[] = [];
  const invalid: { identity: Identity | null; problems: readonly Problem[] }[] = [];
  const foreign: string[] = [];
  for (const document of documents) {
    const error = document.errors[0];
    if (error !== undefined)
      return { ...empty, unreadable: unreadable(placeAt(file, lines, error.pos[0]), error.message) };
    let data: unknown;
    try {
      data = document.toJS(PARSE_LIMITS);
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      return { ...empty, unreadable: unreadable(placeOfAliases(file, lines, document), message) };
    }
    if (data === null || data === undefined) continue;
    for (const { value, path } of itemsOf(data)) {
      const parsed = parseObject(value);
      const place = (finding: readonly (string | number)[]) => placeOf(file, lines, document, [...path, ...finding]);
      if (parsed.status === 'foreign') {
        foreign.push(parsed.what);
        continue;
      }
      const findings = parsed.status === 'valid' ? folderFindings(parsed.object) : parsed.findings;
      if (parsed.status === 'valid' && findings.length === 0) {
        valid.push({ object: parsed.object, place: place([]) });
        continue;
      }
      const identity = parsed.status === 'valid' ? identityOf(parsed.object) : parsed.identity;
      invalid.push({ identity, problems: findings.map((found) => located(found, place)) });
    }
  }
  return { ...empty, valid, invalid, foreign };
}

const located = (found: Finding, place: (path: readonly (string | number)[]) => Place): Problem => ({
  ...found.problem,
  place: place(found.path),
});

function itemsOf(data: unknown): { value: unknown; path: (string | number)[] }[] {
  if (typeof data === 'object' && data !== null && 'kind' in data && data.kind === 'List' && 'items' in data) {
    if (Array.isArray(data.items))
      return data.items.map((value: unknown, index) => ({ value, path: ['items', index] }));
  }
  return [{ value: data, path: [] }];
}

/** The place of a field, or of the nearest parent that is written down when the field itself is missing. */
function placeOf(
  file: string,
  lines: LineCounter,
  document: Document.Parsed<ParsedNode>,
  path: readonly (string | number)[],
): Place {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return placeAt(file, lines, node.range[0]);
  }
  return { file, line: 1, column: 1 };
}

/** The place of the first alias that leads nowhere; that of the document when there are just too many of them. */
function placeOfAliases(file: string, lines: LineCounter, document: Document.Parsed<ParsedNode>): Place {
  const anchors = new Set<string>();
  let lost: Node | undefined;
  visit(document, {
    Node: (_key, node) => {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.add(node.anchor);
        return undefined;
      }
      if (anchors.has(node.source)) return undefined;
      lost = node;
      return visit.BREAK;
    },
  });
  return lost?.range ? placeAt(file, lines, lost.range[0]) : placeOf(file, lines, document, []);
}

function placeAt(file: string, lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
}

const unreadable = (place: Place, message: string): Problem => ({
  reason: 'Unreadable',
  object: null,
  field: null,
  message: `is not YAML: ${message}`,
  remedy: 'Correct the file; until then what it held before stays in force.',
  place,
});
