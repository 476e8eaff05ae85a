/** Whether objects that vanished were deleted, or their kind was: one look at the CustomResourceDefinition tells. */
import type { ApiClient } from './client.ts';
import { GROUP } from '../../crd/group.ts';
import type { Verdict } from './known.ts';
import { isRecord } from './values.ts';

/** @param plural `virtualservices` */
export async function askKind(client: ApiClient, plural: string): Promise<Verdict> {
  const name = `${plural}.${GROUP}`;
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
  const answer = await client.request({ method: 'GET', path });
  const unknown = (why: string): Verdict => ({ kind: 'unknown', why: `CustomResourceDefinition ${name} ${why}` });
  if (!answer.ok) {
    return answer.error.status === 404 ? unknown('is gone') : unknown(`cannot be read: ${answer.error.message}`);
  }
  const metadata = isRecord(answer.value) ? answer.value['metadata'] : null;
  if (!isRecord(metadata)) return unknown('came without metadata');
  if (typeof metadata['deletionTimestamp'] === 'string') return unknown('is being removed');
  const created = metadata['creationTimestamp'];
  return { kind: 'alive', created: typeof created === 'string' ? created : null };
}
