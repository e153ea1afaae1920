// node run-scenario.js MODULE FUNCTION: sends what the function returns to the parent, and ends as Node does.
const [url, name] = process.argv.slice(2);
const scenarios: Record<string, () => Promise<unknown>> = await import(url!);
const result = await scenarios[name!]!();
process.send!({ result }, () => process.disconnect());
