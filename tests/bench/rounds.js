/*
 * rounds.js: how the bench measures and tells: wrk, medians of rounds in
 * turns, figures with their bars. Environment as in run.
 */
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { JSON_API } = require('../http/lib/client.js');

const ROUNDS = Number(process.env.BENCH_ROUNDS || 5);
const SECONDS = Number(process.env.BENCH_SECONDS || 2);
const CORES = os.cpus().length;
const CONNECTIONS = 8;

const sleep = (milliseconds) =>
	new Promise((resolve) => setTimeout(resolve, milliseconds));

function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	const half = Math.floor(sorted.length / 2);
	return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/* "1.50ms" in milliseconds. */
function milliseconds(text) {
	const [, number, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text);
	return Number(number) * { us: 0.001, ms: 1, s: 1000, m: 60000 }[unit];
}

/*
 * Runs wrk; { rate, p50, p99 } in requests a second and milliseconds, { bad }
 * the requests that failed. Of `ids` each request takes one, in place of
 * "some-row" in path and body.
 */
function wrk(port, target, { clients = CONNECTIONS, seconds = SECONDS, method = 'GET',
	body, type = JSON_API, client, ids = [], tolerant = false } = {}) {
	return new Promise((resolve, reject) => {
		const threads = Math.min(CORES, clients);
		const child = spawn('wrk', ['-t', threads, '-c', clients, '-d', `${seconds}s`,
			'--timeout', '30s', '--latency', '-s', path.join(__dirname, 'wrk.lua'),
			`http://127.0.0.1:${port}${target}`].map(String), {
			env: { ...process.env, BENCH_METHOD: method, BENCH_TYPE: type,
				BENCH_TOKEN: client ? `Bearer ${client.token}` : 'Bearer null',
				BENCH_IDS: ids.join(','), ...(body ? { BENCH_BODY: body } : {}) },
			stdio: ['ignore', 'pipe', 'inherit'] });
		let text = '';
		child.stdout.on('data', (chunk) => { text += chunk; });
		child.on('exit', () => {
			const rate = /Requests\/sec:\s+([\d.]+)/.exec(text);
			const bad = /Non-2xx or 3xx responses: (\d+)/.exec(text);
			const errors = /Socket errors: (.*)/.exec(text);
			if (!rate || (!tolerant && (bad || errors))) {
				reject(new Error(`${method} ${target}: ${text}`));
				return;
			}
			resolve({ rate: Number(rate[1]),
				bad: Number(bad?.[1] ?? 0) + (errors ? 1 : 0),
				total: Number(/(\d+) requests in/.exec(text)[1]),
				p50: milliseconds(/ 50%\s+(\S+)/.exec(text)[1]),
				p99: milliseconds(/ 99%\s+(\S+)/.exec(text)[1]) });
		});
	});
}

const results = [];

function report(what, figures, bar, holds) {
	results.push({ what, figures, bar: bar ?? '', holds });
	console.log(`${what}: ${figures}${bar ? ` (bar ${bar}: ${holds ? 'ok' : 'BELOW'})` : ''}`);
}

/* Server and floor in turns; medians of both and of the ratios. */
async function compare(what, bar, server, floor) {
	const [ours, theirs, ratios] = [[], [], []];
	for (let round = 0; round < ROUNDS; round++) {
		const first = await (round % 2 ? floor() : server());
		const second = await (round % 2 ? server() : floor());
		const [us, it] = round % 2 ? [second, first] : [first, second];
		ours.push(us.rate);
		theirs.push(it.rate);
		ratios.push(us.rate / it.rate);
	}
	const ratio = median(ratios);
	report(what, `${ratio.toFixed(2)} of the floor (${Math.round(median(ours))} ` +
		`of ${Math.round(median(theirs))} a second)`, bar && `>= ${bar}`,
	!bar || ratio >= bar);
}

/* The same of two targets of the server: how much more the second costs. */
async function costs(what, bar, small, large) {
	const ratios = [];
	const rates = [[], []];
	for (let round = 0; round < ROUNDS; round++) {
		const first = await (round % 2 ? large() : small());
		const second = await (round % 2 ? small() : large());
		const [one, other] = round % 2 ? [second, first] : [first, second];
		ratios.push(one.rate / other.rate);
		rates[0].push(one.rate);
		rates[1].push(other.rate);
	}
	const ratio = median(ratios);
	report(what, `${ratio.toFixed(2)} times (${Math.round(median(rates[1]))} beside ` +
		`${Math.round(median(rates[0]))} a second)`, `<= ${bar}`, ratio <= bar);
}

/* Private memory of the quick workers, in KiB. */
function privateMemory(instance) {
	return instance.processes('quick worker').map((pid) => {
		const text = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
		return [...text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB/gm)]
			.reduce((sum, match) => sum + Number(match[1]), 0);
	});
}

/* All figures once more; with BENCH_STRICT=1 a missed bar is a failure. */
function finish() {
	const width = Math.max(...results.map((one) => one.what.length));
	console.log('');
	for (const one of results)
		console.log(`${one.what.padEnd(width)}  ${one.bar ? (one.holds ? 'ok   ' : 'BELOW')
			: '     '}  ${one.figures}${one.bar ? `, bar ${one.bar}` : ''}`);
	if (process.env.BENCH_STRICT === '1' && results.some((one) => one.bar && !one.holds))
		process.exitCode = 1;
}

module.exports = { CORES, ROUNDS, SECONDS, compare, costs, finish, median,
	privateMemory, report, sleep, wrk };
