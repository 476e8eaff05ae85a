/**
 * Splits bytes into lines. On bytes, because a chunk may end within a character, and at 0x0a only: other ends of line
 * that Unicode knows may stand within a JSON text.
 */

const LINE_END = 0x0a;

export interface LineSplitter {
  /** Lines that are complete now, without their end. Null when a line is longer than the bound; then nothing more comes. */
  push(chunk: Buffer): string[] | null;
}

/** Holds at most `longest` bytes of a line that is not complete yet. */
export function splitLines(longest: number): LineSplitter {
  let parts: Buffer[] = [];
  let held = 0;
  let broken = false;
  const hold = (part: Buffer): boolean => {
    held += part.length;
    broken = held > longest;
    if (!broken && part.length > 0) parts.push(part);
    return !broken;
  };
  const take = (): string => {
    const line = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    parts = [];
    held = 0;
    return line.toString('utf8');
  };
  return {
    push(chunk) {
      if (broken) return null;
      const lines: string[] = [];
      let start = 0;
      for (let end = chunk.indexOf(LINE_END); end !== -1; end = chunk.indexOf(LINE_END, start)) {
        if (!hold(chunk.subarray(start, end))) return null;
        lines.push(take());
        start = end + 1;
      }
      return hold(chunk.subarray(start)) ? lines : null;
    },
  };
}
