/*
 * metrics.js: reads /metrics by the grammar of Prometheus' text format
 * (version 0.0.4) and by what its own checker asks of names.
 */
'use strict';

const assert = require('node:assert/strict');
const { Client, expect } = require('./client.js');

const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const VALUE = '[-+]?(?:\\d+(?:\\.\\d*)?(?:[eE][-+]?\\d+)?|Inf)|NaN';
const HELP = new RegExp(`^# HELP (${NAME}) ((?:[^\\\\]|\\\\[\\\\n])+)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (\\w+)$`);
const SAMPLE = new RegExp(
	`^((${NAME})(?:\\{${LABEL}(?:,${LABEL})*,?\\})?) (${VALUE})(?: -?\\d+)?$`);

/* What a histogram's or summary's samples are called besides its name. */
const SUFFIX = /_(bucket|sum|count)$/;

function checkName(name, type) {
	assert.equal(name.endsWith('_total'), type === 'counter',
		`only counters end in _total: ${name}`);
	assert.doesNotMatch(name, /milli|micro|nano|minutes|kilo|mega|bits/,
		`a base unit: ${name}`);
}

/* {series: number} of a text; throws where it breaks the grammar. */
function parseMetrics(text) {
	assert.ok(text.endsWith('\n'), 'the last line ends');
	const seen = {};
	const families = new Map();
	let current;
	for (const line of text.slice(0, -1).split('\n')) {
		const help = HELP.exec(line);
		const type = TYPE.exec(line);
		const sample = SAMPLE.exec(line);
		assert.ok(help || type || sample, `no line of the format: ${line}`);
		if (help) {
			assert.ok(!families.has(help[1]), `a family in two places: ${line}`);
			families.set(help[1], { samples: 0 });
			current = help[1];
		} else if (type) {
			const [, name, kind] = type;
			assert.equal(name, current, `help, type, samples: ${line}`);
			assert.ok(TYPES.includes(kind), line);
			assert.ok(!families.get(name).type, `two types: ${line}`);
			assert.equal(families.get(name).samples, 0, `type is late: ${line}`);
			families.get(name).type = kind;
			checkName(name, kind);
		} else {
			const [, series, name, value] = sample;
			assert.equal(families.has(name) ? name : name.replace(SUFFIX, ''),
				current, `a sample outside its family: ${line}`);
			assert.ok(families.get(current).type, `no type: ${line}`);
			assert.ok(!(series in seen), `a series twice: ${line}`);
			families.get(current).samples++;
			seen[series] = Number(value.replace('Inf', 'Infinity'));
			if (families.get(current).type === 'counter')
				assert.ok(seen[series] >= 0, line);
		}
	}
	for (const [name, { samples }] of families)
		assert.ok(samples > 0, `no sample of ${name}`);
	return seen;
}

async function metrics(instance) {
	const answer = expect(await new Client(instance).get('/metrics'), 200);
	return parseMetrics(answer.text);
}

module.exports = { metrics, parseMetrics };
