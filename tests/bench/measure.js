/*
 * measure.js: what the benchmarks of bulk data share: SQL by psql, times,
 * the memory of workers, and how a figure is told beside its bar.
 */
'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const zlib = require('node:zlib');

const COLUMNS = `i AS number, 'name of ' || i AS name, 'user' || i || '@example.com' AS mail,
	(i % 1000)::numeric / 4 + 0.01 AS price, date '2020-01-01' + i % 1500 AS day,
	to_char(timestamp '2020-01-01' + i * interval '1 minute', 'YYYY-MM-DD HH24:MI:SS') AS moment,
	i % 2 = 0 AS even, 'some words, with a comma, number ' || i % 977 AS note`;

function psql(instance, ...commands) {
	return execFileSync('psql', [...instance.databaseArguments(), '-XAtq', '-v', 'ON_ERROR_STOP=1',
		'-c', 'SET client_min_messages = warning',
		...commands.flatMap((command) => ['-c', command])],
	{ env: instance.environment, encoding: 'utf8' });
}

async function seconds(work) {
	const start = process.hrtime.bigint();
	await work();
	return Number(process.hrtime.bigint() - start) / 1e9;
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function privateOf(pid) {
	try {
		const text = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
		return [...text.matchAll(/^Private_\w+:\s+(\d+) kB/gm)]
			.reduce((sum, [, kilobytes]) => sum + Number(kilobytes), 0) * 1024;
	} catch {
		return 0; /* it has just ended */
	}
}

function childrenOf(pid) {
	try {
		return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
			.split(' ').filter(Boolean).map(Number);
	} catch {
		return [];
	}
}

/* Private bytes of the largest long worker together with what it started. */
function privateBytes(instance) {
	return Math.max(0, ...instance.processes('long worker').map((pid) =>
		[pid, ...childrenOf(pid)].reduce((sum, one) => sum + privateOf(one), 0)));
}

/* The most of it while `work` runs. */
async function peakOf(instance, work) {
	let peak = 0;
	const watch = setInterval(() => {
		peak = Math.max(peak, privateBytes(instance));
	}, 50);
	try {
		await work();
	} finally {
		clearInterval(watch);
	}
	return peak;
}

let failed = false;

function say(what, ratio, bar, more) {
	const good = ratio >= bar;
	failed ||= !good;
	console.log(`${good ? 'ok  ' : 'LOW '} ${what}: ${ratio.toFixed(2)} (bar ${bar}) ${more}`);
}

const sayMemory = (what, peak) =>
	say(`memory ${what}, of 64 MB`, 64e6 / peak, 1, `${(peak / 1e6).toFixed(1)} MB at most`);

/* Below a bar is a failure where that is asked for. */
const exitCode = () => (failed && process.env.BENCH_STRICT ? 1 : 0);

/* MB/s of one core: [deflate, inflate]. */
async function zlibSpeed() {
	const text = Buffer.alloc(64 << 20, 'some text of a sheet, again and again');
	let block;
	const slow = await seconds(() => { block = zlib.deflateSync(text); });
	return [64 / slow, 64 / await seconds(() => zlib.inflateSync(block))];
}

/* Seconds of a worker for its last request of that path, by its log line. */
async function processorSeconds(instance, path) {
	await new Promise((resolve) => setTimeout(resolve, 2000)); /* logs come late */
	const times = [...instance.log().matchAll(new RegExp(`${path}.* cpu_us=(\\d+)`, 'g'))];
	return Number(times.at(-1)[1]) / 1e6;
}

module.exports = { COLUMNS, psql, seconds, median, peakOf, privateOf, say, sayMemory, exitCode,
	zlibSpeed, processorSeconds };
