/** Whatever happens to things, servers and connections: in the end what is known is what is there. */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startApiServer, type ApiServer } from '../../../support/api-server.ts';
import { follow } from './following.ts';
import { openModelServer, type Fault, type ModelServer } from './model-server.ts';

let server: ApiServer;

beforeEach(async () => {
  server = await startApiServer();
});

afterEach(async () => {
  await server.stop();
});

interface Deed {
  readonly text: string;
  readonly run: (model: ModelServer) => void;
}

const name = fc.constantFrom('a', 'b', 'x/a', 'x/b', 'x/c');
const fault = fc.constantFrom<Fault>('error', 'gone', 'nonsense', 'break', 'garbage', 'within');
const deedOf = (text: string, run: Deed['run']): Deed => ({ text, run });
const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(name, fc.nat(9))
      .map(([key, size]) => deedOf(`put ${key} ${size}`, (model) => model.put(key, size))),
  },
  { weight: 2, arbitrary: name.map((key) => deedOf(`touch ${key}`, (model) => model.touch(key))) },
  { weight: 3, arbitrary: name.map((key) => deedOf(`remove ${key}`, (model) => model.remove(key))) },
  fc.constantFrom('end' as const, 'break' as const).map((how) => deedOf(how, (model) => model.disconnect(how))),
  fc.constant(deedOf('compact', (model) => model.compact())),
  fc.constant(deedOf('expire', (model) => model.expire())),
  fault.map((how) => deedOf(`fail ${how}`, (model) => model.fail(how))),
);
/** Deeds, and after how many of them the reflector gets time. */
const history = fc.array(fc.tuple(deed, fc.nat(3)), { maxLength: 40 });

it('in the end what is known is what is there', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (deeds) => {
      const model = openModelServer(server);
      model.put('first', 0);
      let mirror: Record<string, number> = {};
      const following = follow(server, {
        listLimit: 2,
        idleMs: 60_000,
        onChange: () => {
          mirror = following.sizes();
        },
        // Turns of the event loop in place of time.
        sleep: () => new Promise((resolve) => void setImmediate(resolve)),
      });
      const { reflector } = following;
      try {
        for (const [{ run }, turns] of deeds) {
          run(model);
          for (let turn = 0; turn < turns * 3; turn += 1) {
            await new Promise((resolve) => void setImmediate(resolve));
          }
        }
        model.calm();
        // What was refused before it became calm may still be on its way.
        const told = (): boolean => reflector.resourceVersion === String(model.version) && reflector.trouble === null;
        await following.when(told, 'everything was told');
        const there = Object.fromEntries([...model.things].map(([key, { size }]) => [key, size]));
        expect(following.sizes()).toEqual(there);
        expect(mirror).toEqual(there);
        for (const [key, { uid, version, since, status }] of model.things) {
          expect(reflector.items.get(key)).toMatchObject({ uid, resourceVersion: String(version), record: { status } });
          expect(Number(reflector.generationVersion)).toBeGreaterThanOrEqual(since);
        }
        expect(Number(reflector.generationVersion)).toBeLessThanOrEqual(model.version);
        expect([reflector.synced, reflector.unreadable.size]).toEqual([true, 0]);
      } finally {
        await following.stop();
      }
    }),
  );
}, 60_000);
