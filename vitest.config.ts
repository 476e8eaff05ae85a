import { defineConfig } from 'vitest/config';

/** Of both projects that have a guest; only with the same number they run at the same time. */
const MOST_FILES_AT_ONCE = 3;

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], setupFiles: ['test/support/properties.ts'] } },
      {
        test: {
          name: 'kernel',
          include: ['test/kernel/**/*.test.ts'],
          setupFiles: ['test/support/properties.ts'],
          globalSetup: ['test/kernel/setup.ts'],
          // Everything happens in one emulated guest with two processors.
          maxWorkers: MOST_FILES_AT_ONCE,
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/setup.ts'],
          // Much of it is waiting, which leaves the processors to the kernel tests.
          maxWorkers: MOST_FILES_AT_ONCE,
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
});
