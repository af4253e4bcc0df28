/*
 * schema_test.js: schema files: every column type, the four formats, real
 * packages, files that must be refused whole, and how soon a change acts.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { Client, expect, item, marketFolder, member, messages, packageFiles,
	refused, schemaFile, settle, worldRow } = require('./lib/client.js');

let instance;
let root;
let alice;

before(async () => {
	instance = await startInstance();
	({ root, alice } = await settle(instance));
});

after(() => instance?.stop());

/* Everything a schema may change: columns, keys, indexes, world and action. */
const CATALOGUE = `
SELECT 'column', table_name, column_name, data_type, is_nullable, column_default,
       character_maximum_length, numeric_precision, numeric_scale
  FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'key', conrelid::regclass::text, conname,
       pg_get_constraintdef(oid), NULL, NULL, NULL, NULL, NULL
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', tablename, indexname, indexdef, NULL, NULL, NULL, NULL, NULL
  FROM pg_indexes WHERE schemaname = 'public'
ORDER BY 1, 2, 3, 4`;

const catalogue = (of = instance) => of.psql(CATALOGUE);

/* The lines that only one of them has. */
function differences(one, other) {
	const [left, right] = [one.split('\n'), other.split('\n')];
	return [...left.filter((line) => !right.includes(line)).map((line) => `-${line}`),
		...right.filter((line) => !left.includes(line)).map((line) => `+${line}`)];
}

const definitions = (of = instance) => of.psql('SELECT table_name, permission ' +
	'FROM world ORDER BY 1') + of.psql('SELECT w.table_name, action_name, ' +
	'a.permission FROM action a JOIN world w ON w.id = a.world_id ORDER BY 1, 2');

function tableNamed(name, columns, more = '') {
	return `Tables:\n  - TableName: ${name}\n    Columns:\n` +
		columns.map((column) => `      - ${JSON.stringify(column)}\n`).join('') + more;
}

/* [column type, data type, value sent, value that comes back] */
const TYPES = [
	['id', 'varchar(20)', 'k-17'],
	['alias', 'varchar(100)', 'an alias'],
	['label', 'varchar(100)', 'Größe & <more> "quoted" \\ 日本 😀'],
	['name', 'varchar(100)', 'Ann Lee'],
	['namespace', 'varchar(200)', 'a.b'],
	['hidden', 'varchar(100)', 'h'],
	['value', 'varchar(100)', '17'],
	['content', 'text', 'several\nlines\tand tabs'],
	['html', 'text', '<b>bold</b>'],
	['markdown', 'text', '# head'],
	['json', 'text', '{"a": [1, null]}', null],
	['email', 'varchar(100)', 'ann@example.com'],
	['url', 'varchar(500)', 'https://example.com/x?y=1'],
	['color', 'varchar(50)', '#aabbcc'],
	['truefalse', 'bool', true],
	['truefalse', 'int(1)', false],
	['measurement', 'int(11)', -42],
	['measurement', 'bigint(20)', 4294967296],
	['float', 'double', 0.1],
	['float', 'decimal(12,2)', '1234567890.12', null],
	['rating', 'int(4)', 7],
	['minute', 'int(4)', 59],
	['hour', 'int(4)', 23],
	['day', 'varchar(10)', 'monday'],
	['month', 'int(4)', 12],
	['year', 'int(4)', 2024],
	['date', 'timestamp', '2024-02-29', '2024-02-29T00:00:00Z'],
	['datetime', 'timestamp', '2024-02-29T12:30:45+02:00', '2024-02-29T10:30:45Z'],
	['datetime', 'DATETIME', '2024-02-29 12:30:45', '2024-02-29T12:30:45Z'],
	['timestamp', 'timestamp', '2024-02-29T12:30:45Z', '2024-02-29T12:30:45Z'],
	['location', 'varchar(50)', '[1.5, 2.5]'],
	['location.latitude', 'float(7,4)', 52.5],
	['location.longitude', 'float(7,4)', -13.25],
	['location.altitude', 'float(7,4)', 120],
	['file.txt', 'text', null, null],
];

describe('column types', () => {
	test('every type takes a value and gives it back', async () => {
		const columns = TYPES.map(([type, dataType], index) => ({
			ColumnName: `c${index}_${type.replace(/\W/g, '_')}`,
			ColumnType: type, DataType: dataType, IsNullable: true }));
		await root.load('schema_types.yaml', tableNamed('every_type', columns));
		const sent = {};
		TYPES.forEach(([, , value], index) => {
			sent[columns[index].ColumnName] = value;
		});
		const { id } = await root.made('every_type', sent);
		const { attributes } = expect(
			await root.get(`/api/every_type/${id}`), 200).json.data;
		TYPES.forEach(([type, dataType, value, expected = value], index) => {
			const name = columns[index].ColumnName;
			const got = attributes[name];
			if (type === 'json')
				assert.deepEqual(JSON.parse(got), JSON.parse(value), name);
			else if (dataType.startsWith('decimal'))
				assert.equal(String(got), value, name);
			else
				assert.deepEqual(got, expected, `${name} (${type} ${dataType})`);
		});
		const cleared = Object.fromEntries(Object.keys(sent).map((name) => [name, null]));
		const after = expect(
			await root.update('every_type', id, cleared), 200).json.data.attributes;
		for (const name of Object.keys(sent))
			assert.ok(after[name] === null || after[name] === '', name);
	});

	test('a time comes back as a time of day', async () => {
		await root.load('schema_time.yaml', tableNamed('clock', [
			{ ColumnName: 'at', ColumnType: 'time', DataType: 'timestamp' }]));
		const { attributes } = await root.made('clock', { at: '15:04:05' });
		assert.match(attributes.at, /T15:04:05Z$/);
	});

	test('hashes and cipher texts are made, and shown blank', async () => {
		await root.load('schema_secrets.yaml', tableNamed('safe',
			['password', 'bcrypt', 'md5', 'md5-bcrypt', 'encrypted'].map((type) => ({
				ColumnName: type.replace('-', '_'), ColumnType: type,
				DataType: 'varchar(500)', IsNullable: true }))));
		const { id, attributes } = await root.made('safe', { password: 'plain-1',
			bcrypt: 'plain-1', md5: 'plain-1', md5_bcrypt: 'plain-1',
			encrypted: 'plain-1' });
		for (const name of ['password', 'bcrypt', 'md5', 'md5_bcrypt', 'encrypted'])
			assert.equal(attributes[name] || '', '', name);
		const row = instance.psql('SELECT password, bcrypt, md5, md5_bcrypt, ' +
			`encrypted FROM safe WHERE reference_id = '${id}'`).split('|');
		for (const index of [0, 1, 3])
			assert.match(row[index], /^\$2[aby]\$/);
		assert.match(row[2], /^[0-9a-f]{32}$/);
		assert.ok(row[4] && !row[4].includes('plain-1'));
	});

	test('defaults apply, quoted as SQL or bare', async () => {
		await root.load('schema_defaults.yaml', tableNamed('lazy', [
			{ ColumnName: 'quoted', ColumnType: 'label', DefaultValue: '\'abc\'' },
			{ ColumnName: 'bare', ColumnType: 'label', DefaultValue: 'abc' },
			{ ColumnName: 'number', ColumnType: 'measurement', DataType: 'int(4)',
				DefaultValue: '10' },
			{ ColumnName: 'zero', ColumnType: 'measurement', DataType: 'int(11)',
				DefaultValue: 0 },
			{ ColumnName: 'off', ColumnType: 'truefalse', DataType: 'int(1)',
				DefaultValue: '0' }]));
		const { attributes } = await root.made('lazy', {});
		assert.equal(attributes.quoted, 'abc');
		assert.equal(attributes.bare, 'abc');
		assert.equal(attributes.number, 10);
		assert.equal(attributes.zero, 0);
		assert.equal(attributes.off, false);
	});

	test('a column with only a Name gets it in snake case', async () => {
		await root.load('schema_names.yaml', tableNamed('NameTest', [
			{ Name: 'Target_cost', ColumnType: 'measurement', DataType: 'int(4)',
				IsNullable: true },
			{ columnname: 'UnitPrice', columntype: 'label', isnullable: true }]));
		const { attributes } = await root.made('name_test',
			{ target_cost: 3, unit_price: 'x' });
		assert.equal(attributes.target_cost, 3);
		assert.equal(attributes.unit_price, 'x');
	});

	test('words of SQL are names like others', async () => {
		await root.load('schema_words.yaml', tableNamed('order', [
			{ ColumnName: 'select', ColumnType: 'label' },
			{ ColumnName: 'user', ColumnType: 'label' },
			{ ColumnName: 'group', ColumnType: 'label' }]));
		const { id } = await root.made('order', { select: 'a', user: 'b', group: 'c' });
		const { attributes } = expect(await root.get(
			`/api/order/${id}`), 200).json.data;
		assert.deepEqual([attributes.select, attributes.user, attributes.group],
			['a', 'b', 'c']);
		expect(await root.get('/api/order?sort=-select,user'), 200);
	});
});

describe('formats', () => {
	const texts = {
		yaml: `
Tables:
  - TableName: thing_yaml
    DefaultOrder: "+title"
    Columns:
      - ColumnName: title
        ColumnType: label
        DataType: varchar(100)
        IsIndexed: true
      - ColumnName: amount
        ColumnType: measurement
        DataType: int(11)
        IsNullable: true
    Validations:
      - ColumnName: title
        Tags: required
`,
		json: JSON.stringify({ Tables: [{ TableName: 'thing_json',
			DefaultOrder: '+title', Columns: [
				{ ColumnName: 'title', ColumnType: 'label', DataType: 'varchar(100)',
					IsIndexed: true },
				{ ColumnName: 'amount', ColumnType: 'measurement',
					DataType: 'int(11)', IsNullable: true }],
			Validations: [{ ColumnName: 'title', Tags: 'required' }] }] }),
		toml: `
[[Tables]]
TableName = "thing_toml"
DefaultOrder = "+title"

[[Tables.Columns]]
ColumnName = "title"
ColumnType = "label"
DataType = "varchar(100)"
IsIndexed = true

[[Tables.Columns]]
ColumnName = "amount"
ColumnType = "measurement"
DataType = "int(11)"
IsNullable = true

[[Tables.Validations]]
ColumnName = "title"
Tags = "required"
`,
		hcl: `
Tables {
  TableName    = "thing_hcl"
  DefaultOrder = "+title"
  Columns {
    ColumnName = "title"
    ColumnType = "label"
    DataType   = "varchar(100)"
    IsIndexed  = true
  }
  Columns {
    ColumnName = "amount"
    ColumnType = "measurement"
    DataType   = "int(11)"
    IsNullable = true
  }
  Validations {
    ColumnName = "title"
    Tags       = "required"
  }
}
`,
	};

	test('YAML, JSON, TOML and HCL give the same model', async () => {
		const models = {};
		for (const [format, text] of Object.entries(texts)) {
			await root.load(`thing.${format}`, text);
			const model = expect(
				await root.get(`/jsmodel/thing_${format}.js`), 200).json;
			models[format] = JSON.parse(JSON.stringify(model.ColumnModel)
				.replaceAll(`thing_${format}`, 'thing'));
			refused(await root.create(`thing_${format}`, { title: '' }), 422);
			expect(await root.create(`thing_${format}`, { title: 'x', amount: 1 }), 201);
		}
		for (const format of ['json', 'toml', 'hcl'])
			assert.deepEqual(models[format], models.yaml, format);
		const columns = (format) => instance.psql('SELECT column_name, data_type, ' +
			'is_nullable, character_maximum_length FROM information_schema.columns ' +
			`WHERE table_name = 'thing_${format}' ORDER BY 1`);
		for (const format of ['json', 'toml', 'hcl'])
			assert.equal(columns(format), columns('yaml'), format);
	});

	test('a syntax error names file and place', async () => {
		const broken = {
			'broken.yaml': 'Tables:\n  - TableName: a\n  Columns: [\n',
			'broken.json': '{"Tables": [\n{"TableName": }]}',
			'broken.toml': '[[Tables]]\nTableName = \n',
			'broken.hcl': 'Tables {\n  TableName = \n}\n',
		};
		const earlier = catalogue();
		for (const [name, text] of Object.entries(broken)) {
			const answer = refused(await root.upload(name, text), 422);
			assert.match(messages(answer), new RegExp(name.replace('.', '\\.')));
			assert.match(messages(answer), /\d/, `${name}: no line`);
		}
		assert.equal(catalogue(), earlier);
	});

	test('several files of one upload are one change', async () => {
		const { fileOf } = require('./lib/client.js');
		const good = tableNamed('pair_one',
			[{ ColumnName: 'title', ColumnType: 'label' }]);
		const bad = tableNamed('pair two; drop',
			[{ ColumnName: 'title', ColumnType: 'label' }]);
		refused(await root.action('world', 'upload_system_schema', { schema_file:
			[fileOf('one.yaml', good), fileOf('two.yaml', bad)] }), 422);
		refused(await root.get('/api/pair_one'), 404);
		expect(await root.action('world', 'upload_system_schema', { schema_file:
			[fileOf('one.yaml', good), fileOf('two.yaml',
				bad.replace('pair two; drop', 'pair_two'))] }), 200);
		expect(await root.get('/api/pair_one'), 200);
		expect(await root.get('/api/pair_two'), 200);
	});

	test('an upload without a file, or with a broken one, is refused', async () => {
		const upload = (schema_file) =>
			root.action('world', 'upload_system_schema', { schema_file });
		for (const value of [undefined, null, [], 'text', 12, {}, [{}], ['x'],
			[{ name: 'a.yaml' }], [{ name: 'a.yaml', file: 'no comma' }],
			[{ name: 'a.yaml', file: 'data:;base64,***' }],
			[{ name: '../a.yaml', file: 'data:;base64,VGFibGVzOiBbXQ==' }],
			[{ name: 'a.exe', file: 'data:;base64,VGFibGVzOiBbXQ==' }]])
			refused(await upload(value), 400, 422);
	});
});

describe('packages', () => {
	test('the example library loads and is used', async () => {
		await root.load('schema_library.yaml', schemaFile('schema_library.yaml'));
		for (const table of ['author', 'book', 'loan', 'loan_state', 'book_audit',
			'book_coauthored_books_has_author_coauthors'])
			expect(await root.get(`/api/${table}`), 200);
		const author = await root.made('author', { name: ' Mary Shelley ',
			born_on: '1797-08-30' });
		assert.equal(author.attributes.name, 'Mary Shelley');
		const book = await root.made('book', { title: 'Frankenstein', pages: 280,
			author_id: author.id });
		assert.equal(book.attributes.copy_condition, 'good');
		assert.equal(book.attributes.on_shelf, true);
		refused(await root.create('book', { title: 'No author' }), 422);
		refused(await root.create('book', { title: 'x', author_id: author.id,
			copy_condition: 'torn' }), 422);
		const written = expect(
			await root.get(`/api/author/${author.id}/books`), 200).json.data;
		assert.deepEqual(written.map((row) => row.attributes.title), ['Frankenstein']);
	});

	test('an update and a delete leave the earlier row in the audit table', async () => {
		const author = await root.made('author', { name: 'Audited' });
		const { id } = await root.made('book', { title: 'First', author_id: author.id });
		expect(await root.update('book', id, { title: 'Second' }), 200);
		expect(await root.delete(`/api/book/${id}`), 200);
		const query = encodeURIComponent(JSON.stringify([{ column:
			'source_reference_id', operator: 'is', value: id }]));
		const rows = expect(await root.get(
			`/api/book_audit?query=${query}&sort=created_at`), 200).json.data;
		assert.deepEqual(rows.map((row) => row.attributes.title), ['First', 'Second']);
		refused(await root.create('book_audit', { title: 'x',
			source_reference_id: id }), 403);
		refused(await root.delete(`/api/book_audit/${rows[0].id}`), 403);
	});

	const market = { skip: marketFolder() ? false : 'no packages beside the tree' };
	const tables = { todolist: ['todo', 'tag', 'project'],
		blog: ['blog', 'post', 'comment'], faq: ['faq', 'merchant'],
		style: ['style', 'orders', 'vendor', 'cost', 'style_file'] };
	for (const [name, entities] of Object.entries(tables)) {
		test(`the package ${name} loads as it is`, market, async () => {
			for (const file of packageFiles(name))
				await root.load(file.name, file.text);
			for (const entity of entities)
				expect(await root.get(`/api/${entity}`), 200);
		});
	}

	test('a package loaded twice changes nothing', market, async () => {
		const earlier = catalogue() + definitions();
		for (const file of packageFiles('todolist'))
			await root.load(file.name, file.text);
		assert.equal(catalogue() + definitions(), earlier);
	});
});

describe('refused schemas', () => {
	const column = { ColumnName: 'title', ColumnType: 'label' };
	const withColumn = (more, name = 'bad_table') =>
		tableNamed(name, [{ ...column, ...more }]);
	const relation = (text) => tableNamed('bad_table', [column]) +
		`Relations:\n  - {${text}}\n`;
	/* [what is wrong, schema, what the message must name] */
	const cases = [
		['a quote in a table\'s name', withColumn({}, '\'a"b\''), /a"b|TableName/],
		['a semicolon in a table\'s name', withColumn({}, 'a;b'), /a;b|TableName/],
		['an umlaut in a table\'s name', withColumn({}, 'häuser'), /häuser|h.*user/],
		['an empty table name', withColumn({}, '""'), /TableName|name/i],
		['a leading digit', withColumn({}, '1table'), /1table/],
		['a name like PostgreSQL\'s own', withColumn({}, 'pg_shadow'), /pg_shadow/],
		['a very long table name', withColumn({}, 'a'.repeat(200)), /aaa/],
		['a quote in a column\'s name', withColumn({ ColumnName: 'a"b' }), /a"b/],
		['a semicolon in a column\'s name', withColumn({ ColumnName: 'a;b' }), /a;b/],
		['a control character in a column\'s name',
			withColumn({ ColumnName: 'a\u0001b' }), /Columns|column/i],
		['a leading digit of a column', withColumn({ ColumnName: '1a' }), /1a/],
		['a column without name', tableNamed('bad_table', [{ ColumnType: 'label' }]),
			/name/i],
		['a column named ctid', withColumn({ ColumnName: 'ctid' }), /ctid/],
		['a column named xmin', withColumn({ ColumnName: 'xmin' }), /xmin/],
		['a column named tableoid', withColumn({ ColumnName: 'tableoid' }), /tableoid/],
		['two columns of one name', tableNamed('bad_table', [column, column]), /title/],
		['SQL in a data type', withColumn({ DataType:
			'varchar(10); drop table world' }), /DataType|type/i],
		['an unknown data type', withColumn({ DataType: 'no_such_type' }),
			/no_such_type/],
		['SQL in a default', withColumn({ DefaultValue: '(select 1)' }),
			/DefaultValue|default/i],
		['a function in a default', withColumn({ DefaultValue:
			'pg_read_file(\'/etc/passwd\')' }), /DefaultValue|default/i],
		['a default that ends its quote', withColumn({ DefaultValue:
			'\'a\'); drop table world; --\'' }), /DefaultValue|default/i],
		['an enum value that is no name', withColumn({ ColumnType: 'enum', Options:
			[{ Value: 'a\'); drop table world; --' }], DefaultValue: '\'b\'' }),
		/Options|default|title/i],
		['a default outside of the enum', withColumn({ ColumnType: 'enum', Options:
			[{ Value: 'a' }], DefaultValue: '\'b\'' }), /default|title/i],
		['a type with a bracket left open', withColumn({ DataType: 'varchar(10' }),
			/DataType|type/i],
		['an enormous length of a type', withColumn({ DataType: 'varchar(999999999999)' }),
			/DataType|type/i],
		['a comment in a type', withColumn({ DataType: 'int/**/' }), /DataType|type/i],
		['a relation to an unknown entity',
			relation('Subject: bad_table, Relation: belongs_to, Object: nowhere'),
			/nowhere/],
		['a relation from an unknown entity',
			relation('Subject: nowhere, Relation: belongs_to, Object: bad_table'),
			/nowhere/],
		['a relation of no known kind',
			relation('Subject: bad_table, Relation: loves, Object: world'), /loves/],
		['a relation with a quote in its name', relation('Subject: bad_table, ' +
			'Relation: has_one, Object: world, ObjectName: \'a"b\''), /a"b/],
		['an action on an unknown entity', tableNamed('bad_table', [column]) +
			'Actions:\n  - {Name: x, Label: x, OnType: nowhere, OutFields: []}\n',
		/nowhere/],
		['an outcome that nothing performs', tableNamed('bad_table', [column]) +
			'Actions:\n  - Name: x\n    Label: x\n    OnType: bad_table\n' +
			'    OutFields:\n      - {Type: no.such.thing, Method: EXECUTE}\n',
		/no\.such\.thing/],
		['a reference that no outcome declares', tableNamed('bad_table', [column]) +
			'Actions:\n  - Name: x\n    Label: x\n    OnType: bad_table\n' +
			'    OutFields:\n      - Type: bad_table\n        Method: POST\n' +
			'        Attributes: {title: "$missing.reference_id"}\n', /missing/],
		['a text instead of tables', 'Tables: none\n', /Tables/],
	];
	/* D07 is about types, defaults and options, D06 about names. */
	for (const [name, text, named] of cases) {
		const id = /type|default|enum|ctid|xmin|tableoid|of a table/.test(name)
			? 'D07' : 'D06';
		test(`${id}: ${name} refuses the whole file and says where`, async () => {
			const earlier = catalogue() + definitions();
			const answer = refused(await root.upload('schema_bad.yaml', text), 422);
			assert.match(messages(answer), named);
			assert.match(messages(answer), /schema_bad/, 'the file is named');
			assert.equal(catalogue() + definitions(), earlier);
			refused(await root.get('/api/bad_table'), 404);
		});
	}

	test('names at and over PostgreSQL\'s 63 bytes stay whole on the wire', async () => {
		const name = `long_${'x'.repeat(50)}`;
		const answer = await root.upload('schema_long.yaml', tableNamed(name, [column]));
		if (answer.status === 422) {
			refused(answer, 422);
			return;
		}
		expect(answer, 200);
		const { id } = await root.made(name, { title: 'x' });
		assert.equal(expect(await root.get(`/api/${name}/${id}`), 200)
			.json.data.type, name);
		expect(await root.get(`/api/${name}/${id}/usergroup_id`), 200);
	});

	test('a type is widened, and not narrowed', async () => {
		const typed = (DataType, ColumnType = 'measurement') =>
			tableNamed('growing', [{ ColumnName: 'n', ColumnType, DataType,
				IsNullable: true }, { ColumnName: 't', ColumnType: 'label',
				DataType: DataType.startsWith('int') ? 'varchar(50)' : 'varchar(200)',
				IsNullable: true }]);
		await root.load('schema_growing.yaml', typed('int(11)'));
		await root.made('growing', { n: 70000, t: 'x'.repeat(50) });
		await root.load('schema_growing.yaml', typed('bigint'));
		const wide = await root.made('growing', { n: 5000000000, t: 'x'.repeat(200) });
		assert.equal(wide.attributes.n, 5000000000);
		const earlier = catalogue();
		const answer = refused(
			await root.upload('schema_growing.yaml', typed('smallint')), 422);
		assert.match(messages(answer), /growing|\bn\b/);
		refused(await root.upload('schema_growing.yaml', typed('int(11)')), 422);
		assert.equal(catalogue(), earlier);
		expect(await root.get('/api/growing'), 200);
	});

	test('NOT NULL without default on a table with rows is refused', async () => {
		await root.load('schema_full.yaml', tableNamed('full_table', [column]));
		await root.made('full_table', { title: 'x' });
		const more = tableNamed('full_table', [column,
			{ ColumnName: 'needed', ColumnType: 'label' }]);
		const answer = refused(await root.upload('schema_full.yaml', more), 422);
		assert.match(messages(answer), /needed/);
		await root.load('schema_full.yaml', tableNamed('full_table', [column,
			{ ColumnName: 'needed', ColumnType: 'label', DefaultValue: '\'x\'' }]));
		const rows = expect(await root.get('/api/full_table'), 200).json.data;
		assert.equal(rows[0].attributes.needed, 'x');
	});

	test('a column gone from the file stays', async () => {
		const two = tableNamed('keeping', [column,
			{ ColumnName: 'extra', ColumnType: 'label', IsNullable: true }]);
		await root.load('schema_keeping.yaml', two);
		const { id } = await root.made('keeping', { title: 'x', extra: 'y' });
		await root.load('schema_keeping.yaml', tableNamed('keeping', [column]));
		assert.equal(expect(await root.get(`/api/keeping/${id}`), 200)
			.json.data.attributes.extra, 'y');
	});

	test('a unique index over duplicates is refused', async () => {
		await root.load('schema_twins.yaml', tableNamed('twins', [column]));
		await root.made('twins', { title: 'same' });
		await root.made('twins', { title: 'same' });
		const answer = refused(await root.upload('schema_twins.yaml',
			tableNamed('twins', [{ ...column, IsUnique: true }])), 409, 422);
		assert.match(messages(answer), /title/);
	});
});

describe('how a change is made', () => {
	const small = (name) => tableNamed(name,
		[{ ColumnName: 'title', ColumnType: 'label' }]);

	test('an upload answers what Daptin answers', async () => {
		const answer = await root.load('schema_small.yaml', small('small'));
		assert.equal(item(answer, 'client.notify').type, 'success');
		const redirect = item(answer, 'client.redirect');
		assert.equal(redirect.location, '/');
		assert.equal(Number(redirect.delay), 0);
	});

	test('a dry run shows the changes and makes none', async () => {
		const earlier = catalogue() + definitions();
		const answer = expect(await root.upload('schema_dry.yaml', small('dry_table'),
			{ dry_run: true }), 200);
		const last = answer.json.at(-1);
		assert.equal(last.ResponseType, 'client.dry_run');
		assert.ok(Array.isArray(last.changes), answer.text);
		assert.match(answer.text, /dry_table/);
		assert.equal(catalogue() + definitions(), earlier);
		refused(await root.get('/api/dry_table'), 404);
	});

	test('a new entity is there at once, on every worker', async () => {
		for (let round = 0; round < 3; round++) {
			const name = `quick_${round}`;
			await root.load(`schema_${name}.yaml`, small(name));
			const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => i % 2
				? root.get(`/api/${name}`) : root.create(name, { title: String(i) })));
			for (const answer of answers)
				expect(answer, 200, 201);
		}
	});

	test('a new column is there at once, on every worker', async () => {
		await root.load('schema_wider.yaml', small('wider'));
		for (let round = 0; round < 3; round++) {
			await root.load('schema_wider.yaml', tableNamed('wider', [
				{ ColumnName: 'title', ColumnType: 'label' },
				{ ColumnName: `extra_${round}`, ColumnType: 'label', IsNullable: true }]));
			const answers = await Promise.all(Array.from({ length: 20 },
				() => root.create('wider', { title: 'x', [`extra_${round}`]: 'y' })));
			for (const answer of answers)
				assert.equal(expect(answer, 201).json.data
					.attributes[`extra_${round}`], 'y');
		}
	});

	test('a restart loses nothing and is done when it answers', async () => {
		const answer = expect(await root.action('world', 'restart_daptin'), 200);
		assert.equal(item(answer, 'client.notify').message,
			'Initiating system update.');
		assert.equal(Number(item(answer, 'client.redirect').delay), 0);
		expect(await root.get('/api/small'), 200);
	});

	test('another schema is kept beside the earlier ones', async () => {
		const uploads = instance.psql('SELECT count(*) FROM json_schema');
		assert.ok(Number(uploads) > 5, uploads);
		expect(await root.get('/api/quick_0'), 200);
	});

	test('the downloaded schema makes the same instance of an empty one', async () => {
		const download = item(expect(
			await root.action('world', 'download_system_schema'), 200),
		'client.file.download');
		assert.equal(download.name, 'schema.json');
		assert.equal(download.contentType, 'application/json');
		const text = Buffer.from(download.content, 'base64').toString('utf8');
		const { Tables } = JSON.parse(text);
		for (const name of ['book', 'every_type', 'user_account'])
			assert.ok(Tables.some((table) => table.TableName === name), name);
		const copy = await startInstance();
		try {
			const other = await member(copy, 'root');
			expect(await other.action('world', 'become_an_administrator'), 200);
			await other.load('schema.json', text);
			assert.deepEqual(differences(catalogue(), catalogue(copy)), []);
			expect(await other.get('/api/book'), 200);
			const author = await other.made('author', { name: 'x' });
			refused(await other.create('book', { title: '', author_id: author.id }), 422);
			const model = async (client) => expect(
				await client.get('/jsmodel/book.js'), 200).json.ColumnModel;
			assert.deepEqual(await model(other), await model(root));
		} finally {
			copy.stop();
		}
	});

	test('no write to the rows of definitions loses a table', async () => {
		await root.load('schema_kept.json', JSON.stringify({ Tables: [{
			TableName: 'kept_one', Columns: [{ ColumnName: 'note', ColumnType: 'label' }] }] }));
		const rows = {};
		for (const table of ['kept_one', 'action_run', 'user_account'])
			rows[table] = await worldRow(root, table);
		for (const { id } of Object.values(rows)) {
			for (const change of [{ table_name: 'gone' }, { world_schema_json: '{}' },
				{ world_schema_json: '[' }, { is_join_table: true },
				{ world_schema_json: '{"TableName":"other","Columns":[]}' }])
				expect(await root.update('world', id, change), 200, 409, 422);
			const operation = { op: 'update', data: { type: 'world', id,
				attributes: { table_name: 'gone_too' } } };
			refused(await root.post('/api/operations',
				{ 'atomic:operations': [operation] }), 422);
		}
		expect(await root.get('/api/kept_one'), 200);
		expect(await root.get('/api/action_run'), 200);
		await worldRow(root, 'kept_one');
		const answer = await root.update('world', rows.kept_one.id, { icon: 'fa-bug' });
		assert.equal(expect(answer, 200).json.data.attributes.icon, 'fa-bug');
	});

	test('a plain user downloads nothing', async () => {
		refused(await alice.action('world', 'download_system_schema'), 403);
		refused(await new Client(instance)
			.action('world', 'download_system_schema'), 403);
	});
});
