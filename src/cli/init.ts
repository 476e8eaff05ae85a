/**
 * `lvs-director init`: the kernel modules and settings that a director needs. Run once at boot, or as the privileged
 * init container; `run` itself needs neither right.
 */
import { spawn } from 'node:child_process';
import { isErrno } from '../host/files.ts';
import {
  acceptRaSettings,
  findingText,
  type SysctlSetting,
  sysctlWords,
  wrongSettings,
  writeSysctl,
} from '../host/sysctl.ts';
import { EXIT } from './exit.ts';

/** nf_conntrack: its settings, and so its hooks, exist only once it is loaded. dummy carries the VIPs. */
const MODULES = ['ip_vs', 'nf_conntrack', 'dummy'] as const;
const MODPROBE_DEADLINE_MS = 30_000;

export async function initCommand(): Promise<number> {
  for (const module of MODULES) {
    const failure = await modprobe(module);
    // A kernel that has it built in needs no module; what counts is found out below and by `run`.
    if (failure !== null) process.stderr.write(`lvs-director: modprobe ${module}: ${failure}\n`);
  }
  // accept_ra first: between the two writes a router advertisement could otherwise be missed.
  const before = await acceptRaSettings();
  const settings = [...before, ...(await wrongSettings()).map((finding) => finding.setting)];
  let failed = false;
  for (const setting of settings) {
    const failure = await write(setting);
    if (failure === null) process.stdout.write(`${sysctlWords(setting)}\n`);
    else {
      failed = true;
      process.stderr.write(`lvs-director: ${setting.name}: ${failure}\n`);
    }
  }
  for (const finding of await wrongSettings()) {
    failed = true;
    process.stderr.write(`lvs-director: ${findingText(finding)}\n`);
  }
  if (settings.length === 0 && !failed) process.stdout.write('Everything is set already.\n');
  return failed ? EXIT.failed : EXIT.ok;
}

async function write(setting: SysctlSetting): Promise<string | null> {
  try {
    await writeSysctl(setting.name, setting.value);
    return null;
  } catch (error) {
    if (isErrno(error, 'EROFS'))
      return '/proc/sys is read-only here: run init on the host or in a privileged container';
    if (isErrno(error, 'EACCES') || isErrno(error, 'EPERM')) return 'not permitted: run as root with CAP_NET_ADMIN';
    if (isErrno(error, 'ENOENT')) return 'this kernel does not have it: is its module loaded (modprobe ip_vs)?';
    return error instanceof Error ? error.message : String(error);
  }
}

function modprobe(module: string): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn('modprobe', [module], { stdio: ['ignore', 'ignore', 'pipe'] });
    // Not spawn's own `timeout`: its timer outlives a program that could not be started, and keeps the process alive.
    const timer = setTimeout(() => child.kill('SIGKILL'), MODPROBE_DEADLINE_MS);
    const end = (failure: string | null): void => {
      clearTimeout(timer);
      resolve(failure);
    };
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (text.length < 4096) text += chunk.toString();
    });
    child.on('error', (error) => end(error.message));
    child.on('close', (code) => end(code === 0 ? null : text.trim() || `ended with ${code ?? 'a signal'}`));
  });
}
