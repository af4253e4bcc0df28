/*
 * discovery_test.js: what clients and operators ask an instance about itself.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { Client, expect, schemaFile, settle } = require('./lib/client.js');
const { until } = require('./lib/wait.js');

let instance;
let guest;
let root;

before(async () => {
	instance = await startInstance();
	({ guest, root } = await settle(instance));
	await root.load('schema_library.yaml', schemaFile('schema_library.yaml'));
});

after(() => instance?.stop());

test('/meta describes the column types to everybody', async () => {
	const answer = expect(await guest.get('/meta?query=column_types'), 200);
	assert.match(answer.headers.get('content-type'), /json/);
	for (const name of ['label', 'password', 'truefalse', 'enum', 'file', 'datetime',
		'measurement', 'encrypted', 'location.latitude']) {
		const type = answer.json[name];
		assert.equal(type?.Name, name, name);
		for (const member of ['BlueprintType', 'ReclineType', 'DataTypes',
			'Validations', 'Conformations', 'GraphqlType'])
			assert.ok(member in type, `${name} ${member}`);
		assert.ok(Array.isArray(type.DataTypes), name);
	}
	assert.equal(expect(await guest.get('/meta?query=x'), 200).text, '');
	assert.equal(expect(await guest.get('/meta'), 200).text, '');
});

test('/jsmodel describes an entity\'s columns, relations and actions', async () => {
	for (const target of ['/jsmodel/book.js', '/jsmodel/book']) {
		const model = expect(await guest.get(target), 200).json;
		const { title } = model.ColumnModel;
		assert.equal(title.ColumnName, 'title');
		assert.equal(title.ColumnType, 'label');
		assert.equal(title.IsNullable, false);
		for (const member of ['Name', 'ColumnDescription', 'IsPrimaryKey',
			'IsAutoIncrement', 'IsIndexed', 'IsUnique', 'Permission',
			'IsForeignKey', 'ExcludeFromApi', 'ForeignKeyData', 'DataType',
			'DefaultValue', 'Options'])
			assert.ok(member in title, member);
		assert.equal(model.ColumnModel.copy_condition.Options.length, 3);
		assert.deepEqual(model.ColumnModel.author_id, { jsonApi: 'hasOne',
			columnType: 'entity', type: 'author', ColumnName: 'author_id' });
		assert.equal(model.ColumnModel.coauthors.jsonApi, 'hasMany');
		assert.equal(model.ColumnModel.loans.jsonApi, 'hasMany');
		assert.equal(model.ColumnModel.__type.ColumnType, 'hidden');
		for (const name of ['id', 'version'])
			assert.ok(!(name in model.ColumnModel), name);
		const lend = model.Actions.find((action) => action.Name === 'lend_book');
		assert.equal(lend.Label, 'Lend this book');
		assert.equal(lend.OnType, 'book');
		assert.equal(lend.InstanceOptional, false);
		assert.deepEqual(lend.InFields.map((field) => field.ColumnName),
			['due_at', 'note']);
		assert.ok(Array.isArray(model.StateMachines));
		assert.equal(model.IsStateMachineEnabled, false);
	}
	assert.equal(expect(await guest.get('/jsmodel/loan.js'), 200)
		.json.IsStateMachineEnabled, true);
	assert.equal((await guest.get('/jsmodel/nothing.js')).status, 404);
});

test('/jsmodel is there for every entity of the world', async () => {
	const rows = expect(await root.get('/api/world?page[size]=500'), 200).json.data;
	assert.ok(rows.length > 20);
	const answers = await Promise.all(rows.map((row) =>
		guest.get(`/jsmodel/${row.attributes.table_name}.js`)));
	for (const answer of answers)
		assert.ok(expect(answer, 200).json.ColumnModel.reference_id, answer.asked);
});

test('/jsmodel hides the actions without a label', async () => {
	const { Actions } = expect(await guest.get('/jsmodel/oauth_token.js'), 200).json;
	assert.ok(Actions.every((action) => action.Label !== ''));
});

test('/actions tells guests how to sign in', async () => {
	const answer = expect(await guest.get('/actions'), 200).json;
	assert.deepEqual(Object.keys(answer).sort(), ['user:signin', 'user:signup']);
	assert.deepEqual(answer['user:signin'].InFields.map((field) => field.ColumnName),
		['email', 'password']);
	assert.equal(answer['user:signin'].Name, 'signin');
});

test('/recline_model names a type for each column type', async () => {
	const answer = expect(await guest.get('/recline_model'), 200).json;
	assert.equal(answer.label, 'string');
	assert.equal(answer.measurement, 'number');
	assert.equal(answer.datetime, 'date-time');
});

test('/ping, /health and /ready answer everybody, and tell nothing', async () => {
	assert.equal(expect(await guest.get('/ping'), 200).text.trim(), 'pong');
	for (const target of ['/health', '/ready']) {
		const answer = expect(await guest.get(target), 200);
		assert.doesNotMatch(answer.text,
			/\d+\.\d+|PostgreSQL|nginx|\/|user|pid|host=/i, target);
	}
});

test('/metrics are Prometheus\' text for this host', async () => {
	const answer = expect(await guest.get('/metrics'), 200);
	assert.match(answer.headers.get('content-type'), /^text\/plain/);
	assert.match(answer.text, /^# TYPE actd_\w+ (counter|gauge|histogram)$/m);
	for (const line of answer.text.split('\n'))
		assert.match(line, /^(#.*|[a-z_0-9]+(\{[^}]*\})? [-+0-9.eE]+(Inf|NaN)?|)$/);
	assert.doesNotMatch(answer.text, /password|token_secret|dbname=/);
	const count = (text) => [...text.matchAll(/^actd_(?:requests|responses)\w*(?:\{[^}]*\})? (\d+)$/gm)]
		.reduce((sum, match) => sum + Number(match[1]), 0);
	const earlier = count(answer.text);
	assert.ok(earlier > 0, answer.text);
	for (let i = 0; i < 10; i++)
		await guest.get('/api/world');
	await until('ten more are counted',
		async () => count((await guest.get('/metrics')).text) >= earlier + 10);
});

test('the administrator and a stale caller see the same discovery', async () => {
	const stale = new Client(instance, 'a.b.c');
	for (const target of ['/meta?query=column_types', '/jsmodel/book.js', '/actions'])
		assert.equal((await stale.get(target)).text, (await root.get(target)).text);
});
