import { bootLab } from '../lab/lab.ts';
import { makeScenario, DIRECTOR } from '../lab/scenario.ts';
const lab = await bootLab();
console.log(lab.description, lab.bootMs);
const network = await makeScenario(lab);
const node = process.execPath;
const time = async (name: string, argv: string[], n = 5) => {
  const times = [];
  for (let i = 0; i < n; i++) { const t = performance.now(); const r = await network.attempt(DIRECTOR, argv, { env: { NODE_COMPILE_CACHE: '/tmp/ncc' } }); times.push(Math.round(performance.now() - t)); if (i===0 && r.code !== 0) console.log(r); }
  console.log(name, times.join(' '));
};

await network.run(DIRECTOR, ['sh','-c','cp /work/main/dist/lvs-director.mjs /tmp/l.mjs; mkdir -p /tmp/node_modules; ln -s /work/main/node_modules/netlink /tmp/node_modules/netlink']);
await time('node -e 0', [node, '-e', '0']);
await time('cat', ['cat', '/work/main/dist/lvs-director.mjs']);
await time('version', [node, '/work/main/dist/lvs-director.mjs', 'version']);
await time('version tmp', [node, '/tmp/l.mjs', 'version']);
await time('list', [node, '/work/main/dist/lvs-director.mjs', 'list']);
await time('list tmp', [node, '/tmp/l.mjs', 'list']);
const r = await network.run(DIRECTOR, [node, '--cpu-prof', '--cpu-prof-dir=/tmp/prof', '--cpu-prof-interval', '500', '/tmp/l.mjs', 'version'], { env: { NODE_COMPILE_CACHE: '/tmp/ncc' } });
const p = await network.run(DIRECTOR, ['sh', '-c', 'cat /tmp/prof/*']);
(await import('node:fs')).writeFileSync('/tmp/prof.json', p.stdout);
await lab.stop();
