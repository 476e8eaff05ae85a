// lab/cluster/install.sh: what it builds and when, what it says when it cannot, and KUBEBUILDER_ASSETS.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPrograms } from '../../lab/cluster/assets.ts';

const SCRIPT = join(import.meta.dirname, '../../lab/cluster/install.sh');

/** What the script, and our go, may use; a machine's own go is not among it. */
const TOOLS = 'bash cat chmod cut dirname flock ln mkdir mktemp mv openssl rm sed sha256sum sleep tail wc'.split(' ');

/** Stands in for go: it knows a version, lists three packages and, unless told to fail, builds a program. */
const GO = `#!/bin/bash
echo "$GOTOOLCHAIN $GOFLAGS $CGO_ENABLED: $*" >>"$GO_CALLS"
case $1 in
  version) echo "go version go$GO_VERSION linux/amd64" ;;
  list) printf 'a\\nb\\nc\\n' ;;
  build)
    [ -z "\${GO_FAILS:-}" ] || { echo "main.go:1: $GO_FAILS" >&2; exit 1; }
    sleep 0.3
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\n' >"$2"
    chmod 755 "$2" ;;
esac
`;

let folder: string;
let env: Record<string, string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lvs-director-test-'));
  for (const name of ['tools', 'go', 'cache', 'assets']) mkdirSync(join(folder, name));
  for (const tool of TOOLS) symlinkSync(which(tool), join(folder, 'tools', tool));
  program('go', 'go', GO);
  env = {
    PATH: join(folder, 'tools'),
    HOME: folder,
    LVS_DIRECTOR_CACHE: join(folder, 'cache'),
    GO_CALLS: join(folder, 'calls'),
    GO_VERSION: '1.26.3',
  };
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function which(tool: string): string {
  const found = ['/usr/local/bin', '/usr/bin', '/bin'].map((path) => join(path, tool)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`this machine has no ${tool}`);
  return found;
}

function program(where: 'go' | 'assets', name: string, script = '#!/bin/sh\n'): void {
  writeFileSync(join(folder, where, name), script);
  chmodSync(join(folder, where, name), 0o755);
}

const withGo = (): void => void (env['PATH'] = `${join(folder, 'go')}:${env['PATH'] ?? ''}`);

async function install(): Promise<{ code: number; output: string }> {
  const child = spawn(SCRIPT, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
  const { promise: code, resolve } = Promise.withResolvers<number>();
  child.once('close', (status) => resolve(status ?? 1));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, output: stdout + stderr };
}

const built = (): string[] => readdirSync(join(folder, 'cache')).filter((name) => name.startsWith('kubernetes-'));

const calls = (): string[] =>
  readFileSync(env['GO_CALLS'] ?? '', 'utf8')
    .trim()
    .split('\n');

describe('without Go', () => {
  it('names the other ways', async () => {
    const { code, output } = await install();
    expect(code).toBe(1);
    expect(output).toContain('building kube-apiserver needs Go, and there is no go in PATH');
    expect(output).toContain('Install Go 1.26 or newer, or set KUBEBUILDER_ASSETS');
    expect(output).toContain('`make check` and the kernel tests need neither');
  });

  it('says the same of a Go that is too old', async () => {
    withGo();
    env['GO_VERSION'] = '1.25.9';
    const { code, output } = await install();
    expect(code).toBe(1);
    expect(output).toContain('needs Go 1.26, and this is: go version go1.25.9 linux/amd64');
    expect(output).toContain('set KUBEBUILDER_ASSETS');
    expect(built()).toEqual([]);
  });
});

describe('with Go', () => {
  beforeEach(withGo);

  it('builds one program with four names, once, and removes older ones', async () => {
    mkdirSync(join(folder, 'cache', 'kubernetes-0123456789abcdef'));
    const { code, output } = await install();
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('11 minutes') });
    const [name = '', ...others] = built();
    expect(others).toEqual([]);
    const directory = join(folder, 'cache', name);
    const names = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'];
    expect(readdirSync(directory).toSorted()).toEqual([...names, 'kubernetes'].toSorted());
    expect(names.map((each) => readlinkSync(join(directory, each)))).toEqual(names.map(() => 'kubernetes'));
    expect(calls()).toHaveLength(3);
    expect(calls()[2]).toMatch(/^local -mod=readonly 0: build -v -trimpath .*gitVersion=v1\.\d+\.\d+ /);
    expect(await install()).toEqual({ code: 0, output: '' });
    expect(calls()).toHaveLength(3);
  });

  it('builds into the folder that the control plane looks in', async () => {
    await install();
    const folders =
      (process.env['KUBEBUILDER_ASSETS'] ?? '') === '' ? [basename(dirname(findPrograms().etcd))] : built();
    expect(built()).toEqual(folders);
  });

  it('builds once when two ask at the same time', async () => {
    const results = await Promise.all([install(), install()]);
    expect(results.map(({ code, output }) => (code === 0 ? code : output))).toEqual([0, 0]);
    expect(calls().filter((call) => call.includes(': build'))).toHaveLength(1);
    expect(built()).toHaveLength(1);
  });

  it('leaves nothing when the build fails, and says why', async () => {
    env['GO_FAILS'] = 'undefined: everything';
    env['TMPDIR'] = join(folder, 'assets');
    const { code, output } = await install();
    expect(code).toBe(1);
    expect(output).toContain('main.go:1: undefined: everything');
    expect(output).toContain("failed in 'go build'");
    expect(built()).toEqual([]);
    expect(readdirSync(join(folder, 'assets'))).toEqual([]);
  });
});

describe('with KUBEBUILDER_ASSETS', () => {
  beforeEach(() => {
    env['KUBEBUILDER_ASSETS'] = join(folder, 'assets');
    for (const name of ['kube-apiserver', 'etcd', 'kubectl']) program('assets', name);
  });

  it('builds nothing, and tells what does not work without a controller manager', async () => {
    const { code, output } = await install();
    expect(code).toBe(0);
    expect(output).toContain('no kube-controller-manager: no EndpointSlices are made');
    expect(readdirSync(join(folder, 'cache'))).toEqual([]);
  });

  it('says nothing when all is there', async () => {
    program('assets', 'kube-controller-manager');
    expect(await install()).toEqual({ code: 0, output: '' });
  });

  it('names a program that is missing there', async () => {
    rmSync(join(folder, 'assets', 'etcd'));
    const { code, output } = await install();
    expect(code).toBe(1);
    expect(output).toContain(`which has no program etcd; put it there, or unset the variable`);
  });
});
