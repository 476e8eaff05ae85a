/**
 * Certificates for tests, made when they are needed: Node makes keys and signatures, so only the X.509 form (RFC 5280) is
 * written here.
 */
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

export interface KeyPair {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

export interface Authority {
  /** PEM. */
  readonly ca: string;
  /** For a server at localhost and 127.0.0.1, or for a client. */
  issue(name: string): KeyPair;
}

const tlv = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
};
const sequence = (...parts: readonly Uint8Array[]): Buffer => tlv(0x30, ...parts);
const oid = (hex: string): Buffer => tlv(0x06, Buffer.from(hex, 'hex'));
const octets = (content: Uint8Array): Buffer => tlv(0x04, content);
const bits = (content: Uint8Array): Buffer => tlv(0x03, Buffer.from([0]), content);
const TRUE = tlv(0x01, Buffer.from([0xff]));

const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));
const COMMON_NAME = oid('550403');
const BASIC_CONSTRAINTS = oid('551d13');
const ALTERNATIVE_NAMES = oid('551d11');

const nameOf = (text: string): Buffer => sequence(tlv(0x31, sequence(COMMON_NAME, tlv(0x0c, Buffer.from(text)))));

function validity(): Buffer {
  const time = (at: number): Buffer => {
    const text = new Date(at).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
    return tlv(0x17, Buffer.from(text.slice(2)));
  };
  const hour = 3_600_000;
  return sequence(time(Date.now() - hour), time(Date.now() + 24 * hour));
}

function certificate(
  issuer: string,
  issuerKey: KeyObject,
  subject: string,
  publicKey: KeyObject,
  extension: Buffer,
): string {
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.from([1]), randomBytes(8)),
    ECDSA_SHA256,
    nameOf(issuer),
    validity(),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(extension)),
  );
  const der = sequence(body, ECDSA_SHA256, bits(sign('sha256', body, issuerKey)));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

const IS_AUTHORITY = sequence(BASIC_CONSTRAINTS, TRUE, octets(sequence(TRUE)));
const NAMES = sequence(
  ALTERNATIVE_NAMES,
  octets(sequence(tlv(0x82, Buffer.from('localhost')), tlv(0x87, Buffer.from([127, 0, 0, 1])))),
);

/** An authority that signs itself. */
export function newAuthority(name: string): Authority {
  const { privateKey, publicKey } = newKeys();
  return {
    ca: certificate(name, privateKey, name, publicKey, IS_AUTHORITY),
    issue(subject) {
      const keys = newKeys();
      return {
        cert: certificate(name, privateKey, subject, keys.publicKey, NAMES),
        key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      };
    },
  };
}
