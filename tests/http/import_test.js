/*
 * import_test.js: tables of values into entities: what their files may look
 * like, what is done with bad ones, and who may do it.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { Client, expect, fileOf, item, messages, refused,
	settle } = require('./lib/client.js');

let instance;
let root;
let alice;
let guest;

before(async () => {
	instance = await startInstance();
	({ root, alice, guest } = await settle(instance));
});

after(() => instance?.stop());

const csv = (client, text, attributes, members) =>
	client.action('world', 'upload_csv_to_system_schema',
		{ data_csv_file: [fileOf('people.csv', text)], ...attributes }, members);

const report = (answer) => item(answer, 'action.response');

const columnsOf = (answer) => Object.fromEntries(report(answer).columns
	.map((column) => [column.name, column.column_type]));

const make = (client, entity, text, more) =>
	csv(client, text, { entity_name: entity, create_if_not_exists: true, ...more });

/* All rows of an entity, in the order of their ids. */
async function rows(entity, client = root) {
	const answer = expect(await client.get(`/api/${entity}?sort=reference_id&page[size]=500`), 200);
	return answer.json.data.map((row) => row.attributes);
}

const count = (entity) => Number(instance.psql(`SELECT count(*) FROM ${entity}`));

describe('new entities', () => {
	test('a file makes an entity that answers the next request', async () => {
		const answer = expect(await make(root, 'people',
			'First Name,e-mail,age,joined,score,active\r\n' +
			'Ann,ann@example.com,31,2024-02-29,1.50,true\r\n' +
			'"Lee, Bob",bob@example.com,42,2023-01-01,20.25,false\r\n'), 200);
		assert.equal(report(answer).created, 2);
		assert.match(messages(answer), /Initiating system update/);
		assert.deepEqual(columnsOf(answer), { first_name: 'label', e_mail: 'email',
			age: 'measurement', joined: 'date', score: 'float', active: 'truefalse' });
		const [ann, bob] = await rows('people');
		assert.equal(ann.first_name, 'Ann');
		assert.equal(ann.age, 31);
		assert.equal(ann.joined, '2024-02-29T00:00:00Z');
		assert.equal(ann.active, true);
		assert.equal(bob.first_name, 'Lee, Bob');
		assert.equal(bob.score, 20.25);
	});
});
