/** What ServiceAccounts have asked the API server for, from its audit log: which rights are used, and what was refused. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface AuditedRequest {
  /** `system:serviceaccount:NAMESPACE:NAME`. */
  readonly user: string;
  readonly verb: string;
  /** Empty for the core group. */
  readonly group: string;
  /** With its subresource, as rules of RBAC name it: `virtualservices/status`. */
  readonly resource: string;
  readonly name: string | null;
  /** HTTP status; 0 for a watch that goes on. */
  readonly status: number;
}

const POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata', userGroups: ['system:serviceaccounts'] }, { level: 'None' }],
};

interface LogLine {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
}

const logOf = (folder: string): string => join(folder, 'audit.log');

/** Flags of an API server whose files lie in `folder`. */
export async function auditFlags(folder: string): Promise<Readonly<Record<string, string>>> {
  const policy = join(folder, 'audit-policy.json');
  await writeFile(policy, JSON.stringify(POLICY));
  return { 'audit-policy-file': policy, 'audit-log-path': logOf(folder) };
}

/** All requests for objects so far, in the order in which they were answered. */
export async function readAudit(folder: string): Promise<AuditedRequest[]> {
  const lines = (await readFile(logOf(folder), 'utf8')).split('\n').filter((line) => line !== '');
  return lines.flatMap((line) => {
    const { user, verb, objectRef, responseStatus } = JSON.parse(line) as LogLine;
    if (objectRef?.resource === undefined) return [];
    const { apiGroup = '', resource, subresource, name = null } = objectRef;
    const whole = subresource === undefined ? resource : `${resource}/${subresource}`;
    return [{ user: user.username, verb, group: apiGroup, resource: whole, name, status: responseStatus?.code ?? 0 }];
  });
}
