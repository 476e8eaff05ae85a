/** The options that say where objects come from: a folder, or an API server with what its administrator allows. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type AddressRanges, parseRanges } from '../net/ranges.ts';

const NONE = '';

function ranges(text: string): AddressRanges {
  const parsed = parseRanges(
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );
  if (!parsed.ok) throw new InvalidArgumentError(`${parsed.message}.`);
  return parsed.value;
}

function dnsName(text: string): string {
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(text)) {
    throw new InvalidArgumentError('It must be lower case letters, digits, "-" and ".".');
  }
  return text;
}

const rangesOption = (name: string, description: string): Option =>
  new Option(`--${name} <list>`, `${description}: addresses and CIDR blocks, with commas between`)
    .argParser(ranges)
    .default(ranges(NONE), 'none')
    .env(`LVS_DIRECTOR_${name.toUpperCase().replaceAll('-', '_')}`);

export const withSource = (command: Command): Command =>
  [
    new Option('-d, --directory <folder>', 'folder of YAML files with VirtualService and RealServer objects')
      .env('LVS_DIRECTOR_DIRECTORY')
      .conflicts('kubeconfig'),
    new Option('--kubeconfig <file>', 'how to reach the API server; in a Pod of the cluster neither is needed').env(
      'LVS_DIRECTOR_KUBECONFIG',
    ),
    new Option('--node-name <name>', 'the Node whose director this is; needed with an API server')
      .argParser(dnsName)
      .env('LVS_DIRECTOR_NODE_NAME'),
    new Option('--namespace <name>', 'namespace of the Leases')
      .argParser(dnsName)
      .default('lvs-director')
      .env('LVS_DIRECTOR_NAMESPACE'),
    rangesOption('allow-addresses', 'virtual addresses that objects of the API may ask for'),
    rangesOption('allow-destinations', 'real servers that are allowed although they are Nodes, for example'),
    rangesOption('pod-cidrs', 'Pod ranges beside those of the Nodes'),
    rangesOption('service-cidrs', 'Service ranges beside the ServiceCIDRs of the API'),
  ].reduce((made, option) => made.addOption(option), command);
