/**
 * Certificates and keys of a control plane: an authority of its own, so that clients check whom they talk to, and the key
 * that signs the tokens of ServiceAccounts.
 */
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Certificates {
  /** Of the authority. */
  readonly caFile: string;
  readonly ca: string;
  readonly servingCertificate: string;
  readonly servingKey: string;
  readonly serviceAccountKey: string;
}

const DAYS = 30;
const DEADLINE_MS = 30_000;

/** The settings of the machine's own openssl must not matter. */
const CONFIG = `
[req]
distinguished_name = authority
prompt = no
[authority]
CN = lvs-director-lab
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`;

/** Makes them in `folder`; `names` are those that the API server is called by, as `IP:127.0.0.1` or `DNS:localhost`. */
export async function makeCertificates(folder: string, names: readonly string[]): Promise<Certificates> {
  const file = (name: string): string => join(folder, name);
  await writeFile(file('openssl.cnf'), `${CONFIG}subjectAltName = ${names.join(', ')}\n`);
  const authority = ['-extensions', 'ca', '-keyout', file('ca.key'), '-out', file('ca.crt')];
  await certificate(file('openssl.cnf'), authority);
  const signed = ['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-subj', '/CN=kube-apiserver'];
  const server = ['-extensions', 'server', '-keyout', file('serving.key'), '-out', file('serving.crt')];
  await certificate(file('openssl.cnf'), [...signed, ...server]);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  await writeFile(file('service-account.key'), privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  return {
    caFile: file('ca.crt'),
    ca: await readFile(file('ca.crt'), 'utf8'),
    servingCertificate: file('serving.crt'),
    servingKey: file('serving.key'),
    serviceAccountKey: file('service-account.key'),
  };
}

async function certificate(config: string, more: readonly string[]): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const argv = ['req', '-config', config, '-x509', '-days', String(DAYS), ...key, ...more];
  try {
    await promisify(execFile)('openssl', argv, { timeout: DEADLINE_MS });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Error('there is no openssl; run: lab/cluster/install.sh', { cause: error });
    }
    throw error;
  }
}
