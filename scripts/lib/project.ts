/** Where the project lies, the Node that it runs on, and where its scripts leave what the next one reads. */
import { dirname, join } from 'node:path';

export const PROJECT = dirname(dirname(import.meta.dirname));
export const NODE = join(PROJECT, 'node_modules/.bin/node');

/** Goes away with node_modules and with `make clean`. */
export const SCRATCH = join(PROJECT, 'node_modules/.cache/lvs-director');
