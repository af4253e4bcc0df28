/*
 * run.js FILE…: runs test files one after the other with Node's runner (whose
 * command line of Node 18 can't) and prints its summary. TEST_SECONDS (600) is
 * the longest that a file may take.
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

const timeout = 1000 * Number(process.env.TEST_SECONDS || 600);

run({ files, concurrency: 1, timeout, signal: ending.signal })
	.on('test:fail', () => { process.exitCode = 1; })
	.compose(new Spec())
	.pipe(process.stdout);
