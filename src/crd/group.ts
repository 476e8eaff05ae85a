/** The API group that all kinds share. */

export const GROUP = 'lvs-director.io';
export const API_VERSION = `${GROUP}/v1alpha1`;
