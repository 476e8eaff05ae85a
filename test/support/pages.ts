/**
 * Pages of documents as something to run: their fenced blocks, in order. The first word after the fence says what a block
 * is, and the words after it how it is meant:
 *
 *     sh [exit=N]             commands for the director
 *     sh client [exit=N]      commands for the client
 *     sh kubectl [exit=N]     commands for who administers the cluster
 *     sh background           commands for the director that go on while the page goes on
 *     sh dev                  commands for a development machine: not run here
 *     yaml file=NAME          a file of the director's folder
 *     text                    right below commands: lines of their output, `...` standing for anything; a line that
 *                             begins and ends with it stands for any number of lines
 */
/** Where commands run. */
type Place = 'director' | 'client' | 'kubectl';

export type Block =
  | {
      readonly kind: 'commands';
      readonly line: number;
      readonly on: Place;
      readonly exit: number;
      readonly script: string;
      readonly output: readonly RegExp[];
    }
  | { readonly kind: 'background'; readonly line: number; readonly script: string }
  | { readonly kind: 'file'; readonly line: number; readonly name: string; readonly text: string }
  | { readonly kind: 'development'; readonly line: number; readonly script: string };

interface Fence {
  readonly line: number;
  readonly words: readonly string[];
  readonly text: string;
  /** Whether only empty lines stand between it and the fence before it. */
  readonly follows: boolean;
}

/** Whether a page can only be carried out where there is an API server. */
export const needsCluster = (blocks: readonly Block[]): boolean =>
  blocks.some((block) => block.kind === 'commands' && block.on === 'kubectl');

/** The runnable blocks of a page. Throws on a fence whose words are not those above. */
export function pageBlocks(page: string): Block[] {
  const blocks: Block[] = [];
  for (const fence of fences(page)) {
    const [language = '', ...words] = fence.words;
    if (language === 'text') {
      const before = blocks.at(-1);
      if (fence.follows && before?.kind === 'commands')
        blocks[blocks.length - 1] = { ...before, output: patterns(fence.text) };
    } else if (language === 'sh') {
      blocks.push(commands(fence, words));
    } else if (language === 'yaml' && words.length > 0) {
      blocks.push({ kind: 'file', line: fence.line, name: option(fence, words, 'file'), text: fence.text });
    }
  }
  return blocks;
}

function commands(fence: Fence, words: readonly string[]): Block {
  const { line, text: script } = fence;
  if (words.includes('background')) return { kind: 'background', line, script };
  if (words.includes('dev')) return { kind: 'development', line, script };
  const exit = words.find((word) => word.startsWith('exit='));
  const on = words.find((word): word is Place => word === 'client' || word === 'kubectl');
  const rest = words.filter((word) => word !== exit && word !== on);
  if (rest.length > 0) throw new Error(`line ${line}: nothing is known of ${rest.join(' ')}`);
  return {
    kind: 'commands',
    line,
    on: on ?? 'director',
    exit: exit === undefined ? 0 : Number(exit.slice('exit='.length)),
    script,
    output: [],
  };
}

function option(fence: Fence, words: readonly string[], name: string): string {
  const [word = ''] = words;
  if (words.length !== 1 || !word.startsWith(`${name}=`)) throw new Error(`line ${fence.line}: expected ${name}=...`);
  return word.slice(name.length + 1);
}

function fences(page: string): Fence[] {
  const found: Fence[] = [];
  let open: { line: number; words: string[]; lines: string[]; follows: boolean } | null = null;
  let follows = false;
  for (const [index, line] of page.split('\n').entries()) {
    if (open === null) {
      if (line.startsWith('```'))
        open = { line: index + 1, words: line.slice(3).trim().split(/ +/), lines: [], follows };
      else if (line.trim() !== '') follows = false;
    } else if (line.startsWith('```')) {
      found.push({ ...open, text: `${open.lines.join('\n')}\n` });
      open = null;
      follows = true;
    } else {
      open.lines.push(line);
    }
  }
  if (open !== null) throw new Error(`line ${open.line}: the block does not end`);
  return found;
}

/** One pattern for each line: spaces count as one, and `...` stands for anything. */
const patterns = (text: string): RegExp[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !(line.startsWith('...') && line.endsWith('...')))
    .map((line) => new RegExp(`^\\s*${line.split('...').map(literal).join('.*')}\\s*$`, 'm'));

const literal = (text: string): string =>
  text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`).replaceAll(/\s+/g, String.raw`\s+`);
