/** Finds the imports of a TypeScript file: static, dynamic, re-exports and types alike, and none in comments or texts. */

export interface ImportStatement {
  readonly line: number;
  /** What is imported, or null when it is computed and cannot be known. */
  readonly specifier: string | null;
}

/** After one of these a slash begins a regular expression; after anything else it divides. */
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|delete|void|throw|new|else|do|await|yield))\s*$/;

const STATEMENT =
  /\b(?:import|export)\b(?:[\s\w$*,{}]*?\bfrom)?\s*(?<quote>["'])(?<text>[^"']*)["']|\b(?:import|require)\s*\(\s*(?<rest>[^)]*)/g;

/**
 * The text with comments, and the insides of strings, templates and regular expressions, turned into blanks. Lengths and
 * lines stay as they are, and so do the quotes.
 */
export function maskText(text: string): string {
  const out: string[] = [];
  let at = 0;
  const keep = (count: number): void => {
    out.push(text.slice(at, at + count));
    at += count;
  };
  const blank = (end: number): void => {
    out.push(text.slice(at, end).replaceAll(/[^\n]/g, ' '));
    at = end;
  };
  /** The end of a literal that begins at `at`, which is where its closing mark stands, or the end of its line. */
  const literalEnd = (mark: string): number => {
    let inClass = false;
    for (let i = at + 1; i < text.length; i++) {
      const letter = text[i];
      if (letter === '\\') i++;
      else if (letter === '\n') return i;
      else if (mark === '/' && letter === '[') inClass = true;
      else if (mark === '/' && letter === ']') inClass = false;
      else if (letter === mark && !inClass) return i;
    }
    return text.length;
  };
  const literal = (mark: string): void => {
    const end = literalEnd(mark);
    keep(1);
    blank(end);
    if (text[at] === mark) keep(1);
  };
  /** How many braces are open in each template substitution that is open. */
  const open: number[] = [];
  const templateBody = (): void => {
    let end = at;
    while (end < text.length && text[end] !== '`' && !text.startsWith('${', end)) end += text[end] === '\\' ? 2 : 1;
    blank(Math.min(end, text.length));
    if (text[at] === '`') keep(1);
    else if (at < text.length) {
      keep(2);
      open.push(0);
    }
  };
  const before = (): string => out.join('').slice(-40);

  while (at < text.length) {
    const letter = text[at];
    const depth = open.at(-1);
    if (text.startsWith('//', at)) {
      const end = text.indexOf('\n', at);
      blank(end === -1 ? text.length : end);
    } else if (text.startsWith('/*', at)) {
      const end = text.indexOf('*/', at + 2);
      blank(end === -1 ? text.length : end + 2);
    } else if (letter === "'" || letter === '"') literal(letter);
    else if (letter === '/' && BEFORE_REGEX.test(before())) literal('/');
    else if (letter === '`') {
      keep(1);
      templateBody();
    } else if (letter === '}' && depth === 0) {
      open.pop();
      keep(1);
      templateBody();
    } else {
      if (depth !== undefined && letter === '{') open[open.length - 1] = depth + 1;
      if (depth !== undefined && letter === '}') open[open.length - 1] = depth - 1;
      keep(1);
    }
  }
  return out.join('');
}

export function findImports(text: string): ImportStatement[] {
  const masked = maskText(text);
  return [...masked.matchAll(STATEMENT)].flatMap((match): ImportStatement[] => {
    const line = masked.slice(0, match.index).split('\n').length;
    const statement = text.slice(match.index, match.index + match[0].length);
    if (match.groups?.['quote'] !== undefined)
      return [{ line, specifier: /["']([^"']*)["']$/.exec(statement)?.[1] ?? null }];
    const rest = /\(\s*(?<quote>["'`])(?<specifier>[^"'`$]*)\k<quote>\s*(?:,[^)]*)?$/.exec(statement);
    return [{ line, specifier: rest?.groups?.['specifier'] ?? null }];
  });
}
