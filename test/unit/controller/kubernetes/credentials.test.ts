/** Where the login comes from, and that it is read again. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openApiClient } from '../../../../src/controller/kubernetes/client.ts';
import {
  openCredentials,
  type Credentials,
  type CredentialsSettings,
} from '../../../../src/controller/kubernetes/credentials.ts';
import { startApiServer } from '../../../support/api-server.ts';
import { newAuthority } from '../../../support/certificates.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lvs-director-credentials-'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

const at = (name: string): string => join(folder, name);
const put = async (name: string, text: string): Promise<string> => {
  await mkdir(dirname(at(name)), { recursive: true });
  await writeFile(at(name), text);
  return at(name);
};

interface Kubeconfig {
  readonly cluster?: Readonly<Record<string, unknown>>;
  readonly user?: Readonly<Record<string, unknown>>;
  readonly top?: Readonly<Record<string, unknown>>;
}

const kubeconfig = ({ cluster = {}, user = {}, top = {} }: Kubeconfig): string =>
  stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://api.example.org:6443', ...cluster } }],
    users: [{ name: 'u', user }],
    ...top,
  });

async function openFile(content: Kubeconfig, settings?: CredentialsSettings): Promise<Credentials> {
  return openCredentials({ kind: 'kubeconfig', path: await put('config', kubeconfig(content)) }, settings);
}

describe('a kubeconfig file', () => {
  const openText = async (text: string): Promise<Credentials> =>
    openCredentials({ kind: 'kubeconfig', path: await put('config', text) });

  it('that is missing is an error that names it', async () => {
    await expect(openCredentials({ kind: 'kubeconfig', path: at('none') })).rejects.toThrow(
      `kubeconfig ${at('none')} does not exist`,
    );
    await expect(openCredentials({ kind: 'kubeconfig', path: folder })).rejects.toThrow(
      `kubeconfig ${folder} cannot be read: EISDIR`,
    );
  });

  it.each([
    ['is empty', '', 'is not understood'],
    ['is no YAML', 'a: [', 'is not understood'],
    ['is a list', '- a', 'has no current-context'],
    ['has no context', kubeconfig({ top: { 'current-context': '' } }), 'has no current-context: choose one with'],
    ['names no context', kubeconfig({ top: { 'current-context': undefined } }), 'has no current-context'],
    ['names a missing context', kubeconfig({ top: { contexts: [] } }), 'has no context "test"'],
    ['names a missing cluster', kubeconfig({ top: { clusters: [] } }), 'the cluster of context "test" is missing'],
    ['names a missing user', kubeconfig({ top: { users: [] } }), 'the user of context "test" is missing'],
    ['names a server without TLS', kubeconfig({ cluster: { server: 'http://api' } }), 'http://api is not https'],
    ['names a server that is no URL', kubeconfig({ cluster: { server: 'api:x:y' } }), 'is not'],
    ['wants a proxy', kubeconfig({ cluster: { 'proxy-url': 'http://proxy' } }), 'proxies are not supported'],
  ])('that %s is an error that says so', async (_, text, message) => {
    await expect(openText(text)).rejects.toThrow(message);
    await expect(openText(text)).rejects.toThrow(`kubeconfig ${at('config')}`);
  });

  it('gives server, authority, certificate and token', async () => {
    const authority = newAuthority('a');
    const { cert, key } = authority.issue('me');
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const credentials = await openFile({
      cluster: { 'certificate-authority-data': base64(authority.ca), 'tls-server-name': 'other' },
      user: { token: 'abc\n', 'client-certificate-data': base64(cert), 'client-key-data': base64(key), as: 'somebody' },
    });
    expect(credentials.server.href).toBe('https://api.example.org:6443/');
    expect(await credentials.options()).toEqual({
      headers: { authorization: 'Bearer abc', 'impersonate-user': 'somebody' },
      ca: Buffer.from(authority.ca),
      cert: Buffer.from(cert),
      key: Buffer.from(key),
      servername: 'other',
      rejectUnauthorized: true,
    });
    expect(credentials.trouble).toBeNull();
  });

  it('names files by their place beside it', async () => {
    await put('ca.pem', 'CA');
    await put('me.pem', 'CERT');
    await put('me.key', 'KEY');
    await put('me.token', 'from the file\n');
    const credentials = await openFile({
      cluster: { 'certificate-authority': 'ca.pem' },
      user: { 'client-certificate': 'me.pem', 'client-key': 'me.key', tokenFile: 'me.token', token: 'in the text' },
    });
    expect(await credentials.options()).toEqual({
      headers: { authorization: 'Bearer from the file' },
      ca: Buffer.from('CA'),
      cert: Buffer.from('CERT'),
      key: Buffer.from('KEY'),
      rejectUnauthorized: true,
    });
  });

  it('may hold other users than the one that is meant', async () => {
    await put('mine', 'mine');
    const users = [
      { name: 'other', user: { tokenFile: 'theirs' } },
      { name: 'u', user: { tokenFile: 'mine' } },
    ];
    const text = kubeconfig({ top: { users } });
    const credentials = await openCredentials({ kind: 'kubeconfig', path: await put('config', text) });
    expect((await credentials.options()).headers).toEqual({ authorization: 'Bearer mine' });
  });

  it('may say that the server is not checked, or give a password', async () => {
    const credentials = await openFile({
      cluster: { 'insecure-skip-tls-verify': true },
      user: { username: 'me', password: 'secret' },
    });
    expect(await credentials.options()).toEqual({
      headers: { authorization: `Basic ${Buffer.from('me:secret').toString('base64')}` },
      rejectUnauthorized: false,
    });
  });
});

describe('the service account of a Pod', () => {
  const ACCOUNT = 'var/run/secrets/kubernetes.io/serviceaccount';

  it('is missing outside of a cluster', async () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined);
    await expect(openCredentials({ kind: 'in-cluster' })).rejects.toThrow('KUBERNETES_SERVICE_HOST is not set');
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '');
    await expect(openCredentials({ kind: 'in-cluster' })).rejects.toThrow('this is no Pod of a cluster');
  });

  it('gives server, authority and token', async () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '2001:db8::1');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', '443');
    await put(`${ACCOUNT}/token`, 'abc\n');
    await put(`${ACCOUNT}/ca.crt`, 'CA');
    const credentials = await openCredentials({ kind: 'in-cluster' }, { root: folder });
    expect(credentials.server.href).toBe('https://[2001:db8::1]/');
    expect(await credentials.options()).toEqual({
      headers: { authorization: 'Bearer abc' },
      ca: Buffer.from('CA'),
      rejectUnauthorized: true,
    });
  });

  it('whose server has no TLS or no port is an error', async () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '10.0.0.1');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', '8080');
    await expect(openCredentials({ kind: 'in-cluster' })).rejects.toThrow('http://10.0.0.1:8080 is not https');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', undefined);
    await expect(openCredentials({ kind: 'in-cluster' })).rejects.toThrow('is not a URL');
  });

  it('whose token cannot be read is an error that names the file, and is tried again', async () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '10.0.0.1');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', '443');
    await put(`${ACCOUNT}/ca.crt`, 'CA');
    const credentials = await openCredentials({ kind: 'in-cluster' }, { root: folder });
    await expect(credentials.options()).rejects.toThrow(at(`${ACCOUNT}/token`));
    expect(credentials.trouble).toContain(at(`${ACCOUNT}/token`));
    await put(`${ACCOUNT}/token`, ' \n');
    await expect(credentials.options()).rejects.toThrow(`${at(`${ACCOUNT}/token`)} is empty`);
    await put(`${ACCOUNT}/token`, 'abc');
    expect((await credentials.options()).headers).toEqual({ authorization: 'Bearer abc' });
    expect(credentials.trouble).toBeNull();
  });
});

describe('what was read', () => {
  let time = 0;
  const open = async (): Promise<Credentials> => {
    time = 0;
    await put('token', 'one');
    return openFile({ user: { tokenFile: 'token' } }, { now: () => time });
  };
  const tokenOf = async (credentials: Credentials): Promise<string | undefined> =>
    (await credentials.options()).headers['authorization'];

  it('is good for a minute', async () => {
    const credentials = await open();
    const first = await credentials.options();
    await put('token', 'two');
    time = 59_999;
    expect(await credentials.options()).toBe(first);
    time = 60_000;
    expect(await tokenOf(credentials)).toBe('Bearer two');
  });

  it('is the same object when nothing changed', async () => {
    const credentials = await open();
    const first = await credentials.options();
    credentials.renew();
    expect(await credentials.options()).toBe(first);
  });

  it('is read at once after a refusal, once', async () => {
    const credentials = await open();
    await credentials.options();
    await put('token', 'two');
    credentials.renew();
    expect(await tokenOf(credentials)).toBe('Bearer two');
    await put('token', 'three');
    expect(await tokenOf(credentials)).toBe('Bearer two');
  });

  it('goes on being good while it cannot be read again, until it is refused', async () => {
    const credentials = await open();
    await credentials.options();
    await rm(at('token'));
    time = 60_000;
    expect(await tokenOf(credentials)).toBe('Bearer one');
    expect(credentials.trouble).toContain(at('token'));
    credentials.renew();
    await expect(credentials.options()).rejects.toThrow(at('token'));
    await expect(credentials.options()).rejects.toThrow(at('token'));
    await put('token', 'two');
    expect(await tokenOf(credentials)).toBe('Bearer two');
    expect(credentials.trouble).toBeNull();
  });

  it('is tried again five seconds after it could not be read', async () => {
    const credentials = await open();
    await credentials.options();
    await rm(at('token'));
    time = 60_000;
    await credentials.options();
    await put('token', 'two');
    time = 64_999;
    expect(await tokenOf(credentials)).toBe('Bearer one');
    time = 65_000;
    expect(await tokenOf(credentials)).toBe('Bearer two');
  });

  it('is not what was being read when it was refused', async () => {
    const credentials = await open();
    const early = credentials.options();
    credentials.renew();
    await put('token', 'two');
    const late = credentials.options();
    await early;
    expect((await late).headers).toEqual({ authorization: 'Bearer two' });
    expect(await tokenOf(credentials)).toBe('Bearer two');
  });

  it('is never for another server', async () => {
    const credentials = await open();
    await credentials.options();
    await put('config', kubeconfig({ cluster: { server: 'https://other' }, user: { token: 'of the other' } }));
    time = 60_000;
    expect(await tokenOf(credentials)).toBe('Bearer one');
    expect(credentials.trouble).toMatch(
      /changed from https:\/\/api\.example\.org:6443\/ to https:\/\/other\/: restart/,
    );
    credentials.renew();
    await expect(credentials.options()).rejects.toThrow('restart');
  });

  it('follows a change of the file', async () => {
    const credentials = await open();
    await credentials.options();
    await put('config', kubeconfig({ user: { token: 'new' } }));
    time = 60_000;
    expect(await tokenOf(credentials)).toBe('Bearer new');
  });
});

describe('a plugin', () => {
  let time = 0;
  /** Counts its runs in a file and tells the count as the token. */
  async function openPlugin(status: string, settings: CredentialsSettings = {}): Promise<Credentials> {
    time = 0;
    const script = await put(
      'plugin',
      `#!/bin/sh\nn=$(($(cat '${at('runs')}' 2>/dev/null || echo 0) + 1))\necho $n > '${at('runs')}'\n${status}\n`,
    );
    await chmod(script, 0o755);
    return openFile({ user: { exec: exec([]) } }, { now: () => time, ...settings });
  }
  const exec = (args: readonly string[]): object => ({
    apiVersion: 'client.authentication.k8s.io/v1',
    command: at('plugin'),
    interactiveMode: 'Never',
    args,
    env: [{ name: 'FROM_CONFIG', value: 'yes' }],
  });
  const told = (more: string): string =>
    `echo '{"kind":"ExecCredential","status":{"token":"'$n'"${more === '' ? '' : `,${more}`}}}'`;
  const runs = async (): Promise<string> => (await readFile(at('runs'), 'utf8')).trim();

  it('is run once for what it tells, and again when that is refused', async () => {
    const credentials = await openPlugin(told(''));
    const several = await Promise.all([credentials.options(), credentials.options()]);
    expect(several.map(({ headers }) => headers)).toEqual([
      { authorization: 'Bearer 1' },
      { authorization: 'Bearer 1' },
    ]);
    time = 60_000;
    expect((await credentials.options()).headers).toEqual({ authorization: 'Bearer 1' });
    expect(await runs()).toBe('1');
    credentials.renew();
    expect((await credentials.options()).headers).toEqual({ authorization: 'Bearer 2' });
  });

  it('is run again when what it told is over', async () => {
    const credentials = await openPlugin(told('"expirationTimestamp":"2020-01-01T00:00:00Z"'));
    await credentials.options();
    time = 60_000;
    expect((await credentials.options()).headers).toEqual({ authorization: 'Bearer 2' });
  });

  it('is run again when the file asks for it in another way, with its arguments and its environment', async () => {
    const credentials = await openPlugin(`echo "$FROM_CONFIG $1" > '${at('seen')}'; ${told('')}`);
    await credentials.options();
    expect(await readFile(at('seen'), 'utf8')).toBe('yes \n');
    await put('config', kubeconfig({ user: { exec: exec(['argument']) } }));
    time = 60_000;
    expect((await credentials.options()).headers).toEqual({ authorization: 'Bearer 2' });
    expect(await readFile(at('seen'), 'utf8')).toBe('yes argument\n');
  });

  it('that does not end is killed', async () => {
    const credentials = await openPlugin('exec sleep 600', { deadlineMs: 400 });
    await expect(credentials.options()).rejects.toThrow('the login plugin failed without a word');
  });

  it('whose children do not end is not waited for', async () => {
    const credentials = await openPlugin('sleep 5', { deadlineMs: 400 });
    await expect(credentials.options()).rejects.toThrow('no answer in 0.4 s');
  });

  it('that fails is an error with its words', async () => {
    const credentials = await openPlugin('echo "log in first" >&2; exit 1');
    await expect(credentials.options()).rejects.toThrow('log in first');
  });

  it('that is missing is an error', async () => {
    const credentials = await openFile({ user: { exec: { command: at('none') } } });
    await expect(credentials.options()).rejects.toThrow('ENOENT');
  });
});

describe('against a server', () => {
  it('a token, an authority and a client certificate are replaced under a running client', async () => {
    const server = await startApiServer();
    const { authority } = server;
    const write = async (token: string, ca: string, pair: { cert: string; key: string }): Promise<void> => {
      await Promise.all([put('token', `${token}\n`), put('ca', ca), put('cert', pair.cert), put('key', pair.key)]);
    };
    await write('one', authority.ca, newAuthority('stranger').issue('agent'));
    const credentials = await openFile({
      cluster: { server: server.url.href, 'certificate-authority': 'ca' },
      user: { tokenFile: 'token', 'client-certificate': 'cert', 'client-key': 'key' },
    });
    const client = openApiClient(credentials);
    try {
      const first = client.request({ method: 'GET', path: '/a' });
      const refused = await server.next();
      expect(refused).toMatchObject({ certified: false, headers: { authorization: 'Bearer one' } });
      await write('two', authority.ca, authority.issue('agent'));
      refused.fail(401, 'Unauthorized');
      const accepted = await server.next();
      expect(accepted).toMatchObject({ certified: true, headers: { authorization: 'Bearer two' } });
      accepted.json(1);
      expect(await first).toEqual({ ok: true, value: 1 });

      const next = newAuthority('next');
      server.replaceCertificate(next);
      await put('ca', next.ca);
      const second = client.request({ method: 'GET', path: '/b' });
      (await server.next()).destroy();
      (await server.next()).json(2);
      expect(await second).toEqual({ ok: true, value: 2 });
    } finally {
      client.close();
      await server.stop();
    }
  });
});
