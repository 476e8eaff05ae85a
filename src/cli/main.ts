/**
 * The program `lvs-director`: its commands, their options and their exit codes.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { EXIT } from './exit.ts';
import { LOG_LEVELS } from './log.ts';
import type { CommonOptions, OutputFormat, SourceOptions } from './options.ts';
import { withSource } from './source-options.ts';
import { VERSION } from './version.ts';

const seconds = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 3600) {
    throw new InvalidArgumentError('It must be a whole number of seconds from 1 to 3600.');
  }
  return value;
};

const output = (): Option =>
  new Option('-o, --output <format>', 'form of the answer').choices(['table', 'json']).default('table');

function withCommon(command: Command): Command {
  return command
    .addOption(
      new Option('--log-level <level>', 'least important messages that are logged')
        .choices([...LOG_LEVELS])
        .default('info')
        .env('LVS_DIRECTOR_LOG_LEVEL'),
    )
    .addOption(
      new Option('--run-directory <folder>', 'what is true until the next boot: witness, socket')
        .default('/run/lvs-director')
        .env('LVS_DIRECTOR_RUN_DIRECTORY'),
    )
    .addOption(
      new Option('--state-directory <folder>', 'what outlives a boot: the last good state of the objects')
        .default('/var/lib/lvs-director')
        .env('LVS_DIRECTOR_STATE_DIRECTORY'),
    );
}

/** Each command is loaded when it is called, so that `version` and `--help` need no kernel and no addon. */
function program(setExit: (code: number) => void): Command {
  const root = new Command('lvs-director')
    .description('Linux Virtual Server load balancers described by objects.')
    .version(VERSION, '-V, --version')
    .showSuggestionAfterError()
    .showHelpAfterError('(see --help)')
    .exitOverride();
  withCommon(withSource(root.command('run')))
    .description('make the kernel have what the objects describe, and keep it so')
    .addOption(
      new Option('--resync-seconds <n>', 'how often the kernel is compared without a cause')
        .argParser(seconds)
        .default(30)
        .env('LVS_DIRECTOR_RESYNC_SECONDS'),
    )
    .action(async (options: SourceOptions & { resyncSeconds: number }) => {
      setExit(await (await import('./run.ts')).runCommand(options));
    });
  withCommon(withSource(root.command('plan')))
    .description('show what run would do, and do nothing; exit code 2 when there is something to do')
    .addOption(output())
    .action(async (options: SourceOptions & { output: OutputFormat }) => {
      setExit(await (await import('./plan.ts')).planCommand(options));
    });
  withCommon(root.command('list'))
    .description('show the IPVS table with the objects behind it and their conditions')
    .addOption(output())
    .action(async (options: CommonOptions & { output: OutputFormat }) => {
      setExit(await (await import('./list.ts')).listCommand(options));
    });
  withCommon(root.command('init'))
    .description('load the kernel modules and set the kernel settings that a director needs')
    .action(async () => {
      setExit(await (await import('./init.ts')).initCommand());
    });
  withCommon(root.command('cleanup'))
    .description('remove from the kernel exactly what is ours')
    .action(async (options: CommonOptions) => {
      setExit(await (await import('./cleanup.ts')).cleanupCommand(options));
    });
  root
    .command('version')
    .description('show the version')
    .action(() => {
      process.stdout.write(`lvs-director ${VERSION}\n`);
      setExit(EXIT.ok);
    });
  for (const command of root.commands) command.exitOverride().showHelpAfterError('(see --help)');
  return root;
}

async function main(): Promise<void> {
  let code: number = EXIT.ok;
  try {
    await program((value) => {
      code = value;
    }).parseAsync();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    code = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  process.exitCode = code;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`lvs-director: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = EXIT.failed;
}
