import { readFileSync } from 'node:fs';
const s = readFileSync('dist/lvs-director.mjs','utf8').split('\n');
let cur='', sizes={};
for (const l of s){ const m=/^\/\/#region (.*)$/.exec(l); if(m) cur=m[1].replace(/(node_modules\/[^/]+\/(@?[^/]+)).*/,'$1'); sizes[cur]=(sizes[cur]||0)+l.length+1; }
console.log(Object.entries(sizes).sort((a,b)=>b[1]-a[1]).slice(0,25));
