// What end-to-end tests share: the lab, and the control plane of all of them.
import { inject } from 'vitest';
import { attachControlPlane, type ControlPlaneAccess } from '../../lab/cluster/access.ts';
import { attachLab, type Lab } from '../../lab/lab.ts';

export const lab = (): Lab => attachLab(inject('lab').endpoint, inject('lab').description);

/** Other tests use it at the same time: a test works in a namespace of its own, and starts no agents on it. */
export const sharedControlPlane = (): ControlPlaneAccess => attachControlPlane(inject('controlPlane'));
