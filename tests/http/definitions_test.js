/*
 * definitions_test.js: rows of `action` and `task`: in force when they are
 * written, and refused, by every door, where they could not run.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { Client, expect, fileOf, item, messages, mine, refused, settle, worldRow } =
	require('./lib/client.js');

const OPEN = 2097151;

const SCHEMA = {
	Tables: [{ TableName: 'box', Columns: [{ ColumnName: 'name', ColumnType: 'label' }] }],
	Actions: [
		{ Name: 'wrap', Label: 'Wrap', OnType: 'box', InstanceOptional: true,
			InFields: [{ ColumnName: 'name', ColumnType: 'label' }],
			OutFields: [{ Type: 'box', Method: 'POST', Attributes: { name: '~name' } }] },
		{ Name: 'plan', Label: 'Plan', OnType: 'box', InstanceOptional: true,
			InFields: ['schedule', 'action_name'].map((ColumnName) =>
				({ ColumnName, ColumnType: 'label' })),
			OutFields: [{ Type: 'task', Method: 'POST', Attributes: { name: 'planned',
				schedule: '~schedule', entity_name: 'box', action_name: '~action_name',
				active: false, attributes: '{}', job_type: '' } }] },
	],
};

let instance;
let root;
let alice;
let world_id;

before(async () => {
	instance = await startInstance();
	({ root, alice } = await settle(instance));
	await root.load('schema_boxes.json', JSON.stringify(SCHEMA));
	world_id = (await worldRow(root, 'box')).id;
});

after(() => instance?.stop());

const notify = (message) => JSON.stringify({ OutFields: [
	{ Type: 'client.notify', Method: 'ACTIONRESPONSE', Attributes: { message } }] });

const actionOf = (action_schema, more) => ({ action_name: 'say', label: 'Say',
	instance_optional: true, world_id, action_schema, ...more });

const pointers = (answer) => answer.json.errors.map((error) => error.source?.pointer);

describe('actions', () => {
	test('are made, changed and deleted over the API, in force at once', async () => {
		const { id } = await root.made('action', actionOf(notify('one')));
		assert.equal(messages(expect(await root.action('box', 'say'), 200)), 'one');
		expect(await root.update('action', id, { action_schema: notify('two') }), 200);
		assert.equal(messages(expect(await root.action('box', 'say'), 200)), 'two');
		refused(await alice.action('box', 'say'), 403);
		expect(await root.update('action', id, { permission: OPEN }), 200);
		assert.equal(messages(expect(await alice.action('box', 'say'), 200)), 'two');
		const read = expect(await root.get(`/api/action/${id}`), 200).json.data;
		assert.match(read.attributes.action_schema, /two/);
		expect(await root.delete(`/api/action/${id}`), 200);
		refused(await root.action('box', 'say'), 404);
	});

	test('that could not run are refused and change nothing', async () => {
		const { id } = await root.made('action', actionOf(notify('kept')));
		const outcome = (members) => JSON.stringify({ OutFields: [members] });
		const bad = {
			'{"a":': /./, '[]': /object/, '"x"': /object/, '{"OutFields":"x"}': /OutFields/,
			[outcome({ Type: 'nothing', Method: 'EXECUTE' })]: /no performer nothing/,
			[outcome({ Type: 'nothing', Method: 'POST' })]: /no entity nothing/,
			[outcome({ Type: 'client.notify', Method: 'ACTIONRESPONSE',
				Attributes: { message: '~later.x' } })]: /Reference later/,
		};
		for (const [schema, message] of Object.entries(bad)) {
			for (const answer of [
				await root.create('action', actionOf(schema, { action_name: 'bad' })),
				await root.update('action', id, { action_schema: schema })]) {
				refused(answer, 422);
				assert.deepEqual(pointers(answer), ['/data/attributes/action_schema']);
				assert.match(answer.text, message);
			}
			refused(await root.action('box', 'bad'), 404);
			assert.equal(messages(expect(await root.action('box', 'say'), 200)), 'kept');
		}
		expect(await root.delete(`/api/action/${id}`), 200);
	});

	test('are written by administrators only', async () => {
		refused(await alice.create('action', actionOf(notify('x'))), 403);
		refused(await new Client(instance).create('action', actionOf(notify('x'))), 403);
		const { id } = await root.made('action', actionOf(notify('mine')));
		expect(await root.update('action', id, { permission: OPEN }), 200);
		refused(await alice.update('action', id, { action_schema: notify('x') }), 403);
		refused(await alice.delete(`/api/action/${id}`), 403);
		expect(await root.delete(`/api/action/${id}`), 200);
	});
});

describe('tasks', () => {
	const task = (more) => ({ name: 'wraps', schedule: '@daily', entity_name: 'box',
		action_name: 'wrap', active: true, attributes: '{"name":"x"}', job_type: '',
		...more });
	const BAD = {
		schedule: ['nonsense', '61 * * * *', '@every soon', '* * *', ''],
		entity_name: ['nothing', ''],
		action_name: ['nothing'],
		attributes: ['[1]', '5'],
	};
	const count = () => instance.psql('SELECT count(*) FROM task');

	test('that could not run are refused with the member, made or changed', async () => {
		const { id } = await root.made('task', task());
		const earlier = count();
		for (const [name, values] of Object.entries(BAD)) {
			for (const value of values) {
				for (const answer of [
					await root.create('task', task({ [name]: value })),
					await root.update('task', id, { [name]: value })]) {
					refused(answer, 422);
					assert.deepEqual(pointers(answer), [`/data/attributes/${name}`],
						answer.text);
				}
				const many = refused(await root.post('/api/operations', {
					'atomic:operations': [{ op: 'add', data: { type: 'task',
						attributes: task({ [name]: value }) } }] }), 422);
				assert.match(many.text, new RegExp(`attributes/${name}`));
			}
		}
		const two = refused(await root.create('task',
			task({ schedule: 'x', action_name: 'y' })), 422);
		assert.equal(two.json.errors.length, 2);
		const { id: nobody } = await mine(alice);
		refused(await root.create('task', task({ as_user_id: id })), 422);
		expect(await root.update('task', id, { as_user_id: nobody }), 200);
		expect(await root.update('task', id, { schedule: '0 5 * * 1-5', active: false,
			action_name: 'plan', entity_name: 'box' }), 200);
		assert.equal(count(), earlier);
		expect(await root.delete(`/api/task/${id}`), 200);
	});

	test('from schema files are refused with file and key', async () => {
		const members = { Name: 'filed', Schedule: '@daily', EntityName: 'box',
			ActionName: 'wrap', Active: false, Attributes: { name: 'x' },
			AsUserEmail: 'alice@example.com' };
		const load = (more) => root.upload('schema_tasks.json',
			JSON.stringify({ Tasks: [{ ...members, ...more }] }));
		for (const [name, value] of [['Schedule', 'often'], ['EntityName', 'nothing'],
			['ActionName', 'nothing'], ['AsUserEmail', 'nobody@example.com']]) {
			const answer = refused(await load({ [name]: value }), 422);
			assert.ok(messages(answer).includes(`schema_tasks.json: Tasks[filed].${name}`),
				answer.text);
		}
		assert.equal(instance.psql('SELECT count(*) FROM task WHERE name = \'filed\''), '0');
		expect(await load({}), 200);
		assert.equal(instance.psql('SELECT u.email FROM task t JOIN user_account u ' +
			'ON u.id = t.as_user_id WHERE t.name = \'filed\''), 'alice@example.com');
	});

	test('from actions, tables and dumps are refused as well', async () => {
		const earlier = count();
		refused(await root.action('box', 'plan',
			{ schedule: 'often', action_name: 'wrap' }), 400);
		refused(await root.action('box', 'plan',
			{ schedule: '@daily', action_name: 'nothing' }), 400);
		const rows = (schedule) => 'name,schedule,entity_name,action_name,active,' +
			`attributes,job_type\nfrom a table,${schedule},box,wrap,false,{},x\n`;
		const csv = (text) => root.action('world', 'upload_csv_to_system_schema',
			{ entity_name: 'task', data_csv_file: [fileOf('tasks.csv', text)] });
		assert.match(messages(refused(await csv(rows('often')), 422)), /schedule/);
		const dump = (schedule) => root.action('world', 'import_data', { dump_file:
			[fileOf('dump.json', JSON.stringify({ task: [{ name: 'from a dump', schedule,
				entity_name: 'box', action_name: 'wrap', active: false, attributes: '{}',
				job_type: '' }] }))] });
		assert.match(messages(refused(await dump('often'), 422)), /schedule/);
		assert.equal(count(), earlier);
		expect(await csv(rows('@daily')), 200);
		expect(await dump('@daily'), 200);
		assert.equal(Number(count()), Number(earlier) + 2);
	});

	test('stop where their user is deleted', async () => {
		expect(await root.action('user_account', 'signup', { name: 'carl',
			email: 'carl@example.com', password: 'correct horse',
			passwordConfirm: 'correct horse' }), 200);
		const carl = instance.psql('SELECT reference_id FROM user_account ' +
			'WHERE email = \'carl@example.com\'');
		const { id } = await root.made('task', task({ as_user_id: carl }));
		expect(await root.delete(`/api/user_account/${carl}`), 200);
		const { attributes } = expect(await root.get(`/api/task/${id}`), 200).json.data;
		assert.equal(attributes.active, false);
	});
});
