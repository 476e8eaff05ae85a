import { bootLab } from '../lab/lab.ts';
import { makeScenario, DIRECTOR } from '../lab/scenario.ts';
const lab = await bootLab();
console.log(lab.description);
const network = await makeScenario(lab);
const src = `
import { openLinks } from '/work/main/src/host/rtnetlink.ts';
const counts = {};
for (let i = 0; i < 3000; i++) {
  const links = openLinks();
  for (let j = 0; j < 3; j++) {
    const r = await links.list();
    const key = !r.ok ? JSON.stringify(r) : r.value.links.map(l => l.name).join() + ' ' + r.value.addresses.map(a => a.address.startsWith('fe80') ? 'll' : a.address).join();
    counts[key] = (counts[key] ?? 0) + 1;
  }
  links.close();
}
console.log(JSON.stringify(counts, null, 1));
`;
const churn = `for i in $(seq 1 400); do ip netns add c$i; ip link add v$i type veth peer name e0 netns c$i; ip -n c$i addr add 10.9.9.9/24 dev e0; ip -n c$i link set e0 up; ip netns del c$i; done; echo done`;
const [a, b] = await Promise.all([
  network.attempt(DIRECTOR, [process.execPath, '--input-type=module', '-e', src], { deadlineMs: 400000 }),
  lab.attempt(['sh', '-c', churn], { deadlineMs: 400000 }),
]);
console.log(a.stdout, a.stderr, b.stdout, b.stderr.slice(0, 300));
await lab.stop();
