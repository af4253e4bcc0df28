/*
 * run.js FILE…: runs test files one after the other with Node's runner (whose
 * command line of Node 18 can't) and prints its summary.
 */
'use strict';

const path = require('node:path');
const { run } = require('node:test');
const { spec: Spec } = require('node:test/reporters');

/* Whoever ends the runner ends the file that runs, and so its instance. */
const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
	process.on(signal, () => ending.abort());

const files = process.argv.slice(2).map((file) => path.resolve(file));

run({ files, concurrency: 1, timeout: 600000, signal: ending.signal })
	.on('test:fail', () => { process.exitCode = 1; })
	.compose(new Spec())
	.pipe(process.stdout);
