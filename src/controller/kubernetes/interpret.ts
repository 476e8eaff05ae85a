/**
 * What the objects of a cluster say, given what they said before. Pure. The rule that it keeps: an object once accepted
 * stays as it was until it is valid again or really deleted, and what was never accepted is not made.
 */
import { identityText, type Kind, type LvsObject } from '../../crd/parse.ts';
import type { Problem } from '../../crd/problem.ts';
import type { VirtualService } from '../../crd/virtualservice.ts';
import { canonicalAddress } from '../../net/address.ts';
import type { Retained } from '../desired.ts';
import { type Refusal, vipRefusal } from '../policy.ts';
import { eligibleDirectors, placementOf, type Site } from '../site.ts';
import type { WorldObject } from '../world.ts';
import type { Known, KnownObject } from './known.ts';

export interface KnownKinds {
  readonly virtualServices: Known;
  readonly realServers: Known;
}

export interface Interpretation {
  /** In order of namespace and name. */
  readonly objects: readonly WorldObject[];
  readonly problems: readonly Problem[];
  readonly retained: Retained;
  /** As before, with what was accepted now. */
  readonly known: KnownKinds;
  /** The generation of each object that the API server shows, by uid. */
  readonly judged: ReadonlyMap<string, number | null>;
}

/** Judge what is known. */
export function interpretObjects({ virtualServices, realServers }: KnownKinds, site: Site): Interpretation {
  const objects: WorldObject[] = [];
  const problems: Problem[] = [];
  const retained = new Set<string>();
  const generations = new Map<string, number | null>();
  const judge = (kind: Kind, known: Known): Known => {
    const next = new Map<string, KnownObject>();
    for (const [key, entry] of known) {
      const judged = judgeObject(kind, key, entry, site);
      if (!entry.held) generations.set(entry.uid, entry.generation);
      next.set(key, judged.good === entry.good ? entry : { ...entry, good: judged.good });
      problems.push(...judged.problems);
      if (judged.inForce === null) retained.add(entry.uid);
      else objects.push(judged.inForce);
    }
    return next;
  };
  return {
    known: {
      virtualServices: judge('VirtualService', virtualServices),
      realServers: judge('RealServer', realServers),
    },
    objects: objects.sort(byNamespaceAndName),
    problems,
    retained: { all: false, uids: retained },
    judged: generations,
  };
}

interface Judged {
  /** Null when nothing of it was ever understood. */
  readonly inForce: WorldObject | null;
  readonly good: KnownObject['good'];
  readonly problems: readonly Problem[];
}

function judgeObject(kind: Kind, key: string, entry: KnownObject, site: Site): Judged {
  const { parsed, good, uid, generation } = entry;
  const [namespace = '', name = ''] = key.split('/');
  const title = identityText({ kind, namespace, name });
  const before = good === null ? null : inForce(uid, good.object, good.generation, site);
  if (parsed.status !== 'valid') {
    const problems =
      parsed.status === 'invalid'
        ? parsed.findings.map(({ problem }) => ({ ...problem, object: title }))
        : [notUnderstood(title, parsed.what)];
    return { inForce: before, good, problems };
  }
  const problems = parsed.warnings.map(({ problem }) => problem);
  const now = inForce(uid, parsed.object, generation, site);
  const refusals = refusalsOf(parsed.object, site);
  if (refusals.length === 0) {
    const isKnown = good !== null && good.object === parsed.object && good.generation === generation;
    return { inForce: now, good: isKnown ? good : { object: parsed.object, generation }, problems };
  }
  problems.push(...refusals.map(({ reason, message }) => refused(title, reason, message)));
  // What runs is not withdrawn because the policy, or the object, is another now.
  return { inForce: before ?? now, good, problems };
}

const inForce = (uid: string, object: LvsObject, generation: number | null, site: Site): WorldObject => ({
  uid,
  object,
  generation,
  refused: refusalsOf(object, site).length > 0,
});

/** Why an object cannot be served as it is. What is wrong with single destinations is no reason to refuse the rest. */
function refusalsOf(object: LvsObject, site: Site): Refusal[] {
  if (object.kind !== 'VirtualService') return [];
  const addresses = addressesOf(object);
  const refusals = addresses.flatMap((address) => vipRefusal(site.policy, address) ?? []);
  return refusals.length > 0 ? refusals : servedNowhere(object, addresses, site);
}

const addressesOf = ({ spec }: VirtualService): string[] =>
  spec.addresses.map((text) => canonicalAddress(text) ?? text);

function servedNowhere({ spec }: VirtualService, addresses: readonly string[], site: Site): Refusal[] {
  const placement = placementOf(site, addresses, spec.directors.nodeSelector);
  if (placement === null || placement.matching.length === 0 || eligibleDirectors(placement).length > 0) return [];
  const message = `${addresses.join(', ')}: only the Node that has the address can serve it, and it is no director that directors.nodeSelector matches`;
  return [{ reason: 'NotHere', message }];
}

const refused = (object: string, reason: Refusal['reason'], message: string): Problem => ({
  reason,
  object,
  field: 'spec.addresses',
  message,
  remedy: 'Until then nothing new is made of it.',
  place: null,
});

const notUnderstood = (object: string, what: string): Problem => ({
  reason: 'UnknownKind',
  object,
  field: null,
  message: `came as ${what}`,
  remedy: 'Install the CustomResourceDefinitions of this version.',
  place: null,
});

const sortKey = ({ object }: WorldObject): string =>
  `${object.metadata.namespace}/${object.metadata.name}/${object.kind}`;

function byNamespaceAndName(a: WorldObject, b: WorldObject): number {
  const [first, second] = [sortKey(a), sortKey(b)];
  return first < second ? -1 : first > second ? 1 : 0;
}
