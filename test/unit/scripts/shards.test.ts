/** Which parts of the long test run are still to do. */
import { describe, expect, it } from 'vitest';
import { SHARDS, selectShards, shardName } from '../../../scripts/lib/shards.ts';

const select = (names: string[], passed: string[]): { todo: string[]; done: string[] } => {
  const selection = selectShards(SHARDS, names, new Set(passed));
  if (!selection.ok) throw new Error(selection.message);
  return { todo: selection.todo.map(shardName), done: selection.done.map(shardName) };
};

describe('the shards', () => {
  it('are the unit tests, the kernel tests on each kernel, and the mutation tests', () => {
    expect(SHARDS.map(shardName)).toEqual(['unit', 'kernel-6.1', 'kernel-6.12', 'e2e-6.1', 'e2e-6.12', 'mutation']);
  });

  it('tell the lab which kernel to start', () => {
    const kernels = SHARDS.filter((shard) => shard.id === 'kernel').map((shard) => [
      shard.kernel,
      shard.env['LAB_KERNEL'],
    ]);
    expect(kernels).toEqual([
      ['6.1', '6.1'],
      ['6.12', '6.12'],
    ]);
  });

  it('give each property more runs in the unit tests', () => {
    expect(Number(SHARDS.find((shard) => shard.id === 'unit')?.env['PROPERTY_RUNS'])).toBeGreaterThan(1000);
  });
});

describe('the selection', () => {
  it('is everything on a new commit', () => {
    expect(select([], [])).toEqual({ todo: SHARDS.map(shardName), done: [] });
  });

  it('leaves out what passed', () => {
    expect(select([], ['unit', 'kernel-6.1'])).toEqual({
      todo: ['kernel-6.12', 'e2e-6.1', 'e2e-6.12', 'mutation'],
      done: ['unit', 'kernel-6.1'],
    });
  });

  it('takes a shard by its name, and all kernels by the id', () => {
    expect(select(['kernel-6.12'], []).todo).toEqual(['kernel-6.12']);
    expect(select(['kernel'], ['kernel-6.12'])).toEqual({ todo: ['kernel-6.1'], done: ['kernel-6.12'] });
  });

  it('says which names there are', () => {
    expect(selectShards(SHARDS, ['kernel-5.10'], new Set())).toEqual({
      ok: false,
      message: 'there is no shard kernel-5.10; there are unit, kernel-6.1, kernel-6.12, e2e-6.1, e2e-6.12, mutation',
    });
  });
});
