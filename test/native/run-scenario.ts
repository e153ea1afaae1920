// node run-scenario.js MODULE FUNCTION ARGUMENT: sends what the function returns to the parent, and ends as Node does.
const [url, name, argument] = process.argv.slice(2);
const scenarios: Record<string, (argument: unknown) => Promise<unknown>> = await import(url!);
const result = await scenarios[name!]!(JSON.parse(argument!));
process.send!({ result }, () => process.disconnect());
