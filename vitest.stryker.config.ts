/** The unit tests that the mutation tests run: those of what is mutated, with fewer histories in the model test. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/unit/{net,crd,ipvs,host,controller}/**/*.test.ts'],
    setupFiles: ['test/support/properties.ts'],
    env: { PROPERTY_RUNS: '60' },
  },
});
