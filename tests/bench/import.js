/*
 * import.js: imports beside \copy of finished rows into the same table with
 * its indexes, in turns, and the memory that they take. IMPORT_ROWS (1,000,000)
 * rows of 8 columns, IMPORT_ROUNDS (3) rounds.
 */
'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const zlib = require('node:zlib');
const { BUILD, startInstance } = require('../http/lib/instance.js');
const { expect, item, settle } = require('../http/lib/client.js');

const ROWS = Number(process.env.IMPORT_ROWS || 1000000);
const ROUNDS = Number(process.env.IMPORT_ROUNDS || 3);
const SHEET_ROWS = Math.min(ROWS, 100000);

let instance;
let root;
let failed = false;

const COLUMNS = `i AS number, 'name of ' || i AS name, 'user' || i || '@example.com' AS mail,
	(i % 1000)::numeric / 4 + 0.01 AS price, date '2020-01-01' + i % 1500 AS day,
	to_char(timestamp '2020-01-01' + i * interval '1 minute', 'YYYY-MM-DD HH24:MI:SS') AS moment,
	i % 2 = 0 AS even, 'some words, with a comma, number ' || i % 977 AS note`;

function psql(...commands) {
	return execFileSync('psql', [...instance.databaseArguments(), '-XAtq', '-v', 'ON_ERROR_STOP=1',
		'-c', 'SET client_min_messages = warning',
		...commands.flatMap((command) => ['-c', command])],
	{ env: instance.environment, encoding: 'utf8' });
}

const seconds = async (work) => {
	const start = process.hrtime.bigint();
	await work();
	return Number(process.hrtime.bigint() - start) / 1e9;
};

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/* Private bytes of the long workers and what they started. */
function privateBytes() {
	const pids = instance.processes('long worker');
	const all = [...pids];
	for (const pid of pids)
		try {
			all.push(...fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
				.split(' ').filter(Boolean).map(Number));
		} catch {
			/* it has just ended */
		}
	return Math.max(...all.map((pid) => {
		try {
			const text = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
			return [...text.matchAll(/^Private_\w+:\s+(\d+) kB/gm)]
				.reduce((sum, [, kilobytes]) => sum + Number(kilobytes), 0) * 1024;
		} catch {
			return 0;
		}
	}));
}

async function send(entity, file, type, query = '') {
	const response = await fetch(`${instance.url}/action/world/upload_csv_to_system_schema` +
		`?entity_name=${entity}${query}`, { method: 'POST',
		body: await fs.openAsBlob(file),
		headers: { authorization: `Bearer ${root.token}`, 'content-type': type } });
	const text = await response.text();
	return item(expect({ status: response.status, text, asked: file,
		json: JSON.parse(text) }, 200), 'action.response');
}

function say(what, ratio, bar, more) {
	const good = ratio >= bar;
	failed ||= !good;
	console.log(`${good ? 'ok  ' : 'LOW '} ${what}: ${ratio.toFixed(2)} (bar ${bar}) ${more}`);
}

async function csv(folder) {
	const file = path.join(folder, 'import.csv');
	const finished = path.join(folder, 'finished.csv');
	psql(`\\copy (SELECT ${COLUMNS} FROM generate_series(1, ${ROWS}) i) TO '${file}' (FORMAT csv, HEADER)`);
	const times = { copy: [], existing: [], fresh: [] };
	let peak = 0;
	const watch = setInterval(() => { peak = Math.max(peak, privateBytes()); }, 50);
	await send('bulk', file, 'text/csv', '&create_if_not_exists=true');
	psql(`\\copy bulk TO '${finished}' (FORMAT csv)`);
	for (let round = 0; round < ROUNDS; round++) {
		psql('TRUNCATE bulk CASCADE', 'CHECKPOINT');
		times.copy.push(await seconds(() => psql(`\\copy bulk FROM '${finished}' (FORMAT csv)`)));
		psql('TRUNCATE bulk CASCADE', 'CHECKPOINT');
		times.existing.push(await seconds(() => send('bulk', file, 'text/csv')));
		psql('CHECKPOINT');
		const name = `fresh${'abcdefghij'[round]}`;
		times.fresh.push(await seconds(() =>
			send(name, file, 'text/csv', '&create_if_not_exists=true')));
		psql(`TRUNCATE ${name} CASCADE`);
	}
	clearInterval(watch);
	const copy = median(times.copy);
	const of = (list) => `${Math.round(ROWS / median(list))} rows/s beside ` +
		`${Math.round(ROWS / copy)} of \\copy`;
	say('CSV into an existing entity', copy / median(times.existing), 0.7, of(times.existing));
	say('CSV, types found first', copy / median(times.fresh), 0.5, of(times.fresh));
	say('memory, of 64 MB', 64e6 / peak, 1, `${(peak / 1e6).toFixed(1)} MB at most`);
	fs.rmSync(file);
	fs.rmSync(finished);
}

/* Of the worker for the last import, as its log line has it. */
function processorSeconds() {
	const times = [...instance.log().matchAll(/upload_csv_to.* cpu_us=(\d+)/g)];
	return Number(times.at(-1)[1]) / 1e6;
}

async function xlsx(folder) {
	const file = path.join(folder, 'import.xlsx');
	execFileSync(path.join(BUILD, 'bench/write_xlsx'), [file, String(SHEET_ROWS)]);
	const type = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
	await send('sheet', file, type, '&create_if_not_exists=true');
	const times = [];
	let peak = 0;
	const watch = setInterval(() => { peak = Math.max(peak, privateBytes()); }, 50);
	for (let round = 0; round < ROUNDS; round++) {
		psql('TRUNCATE sheet CASCADE');
		times.push(await seconds(() => send('sheet', file, type)));
	}
	clearInterval(watch);
	await new Promise((resolve) => setTimeout(resolve, 2000)); /* logs come late */
	const block = zlib.deflateSync(Buffer.alloc(64 << 20, 'some text of a sheet, again and again'));
	const speed = 64 / await seconds(() => zlib.inflateSync(block));
	const rate = SHEET_ROWS / processorSeconds();
	say('XLSX, of 50,000 rows/s of a core', rate / 50000, 1,
		`${Math.round(rate)} rows/s of the worker's time, ` +
		`${Math.round(SHEET_ROWS / median(times))} with PostgreSQL's; ` +
		`zlib inflates ${Math.round(speed)} MB/s here`);
	say('memory, of 64 MB', 64e6 / peak, 1, `${(peak / 1e6).toFixed(1)} MB at most`);
	fs.rmSync(file);
}

(async () => {
	instance = await startInstance();
	try {
		({ root } = await settle(instance));
		const folder = fs.mkdtempSync('/tmp/actd-import.');
		fs.chmodSync(folder, 0o777);
		try {
			await csv(folder);
			await xlsx(folder);
		} finally {
			fs.rmSync(folder, { recursive: true, force: true });
		}
	} finally {
		instance.stop();
	}
	process.exitCode = failed && process.env.BENCH_STRICT ? 1 : 0;
})();
