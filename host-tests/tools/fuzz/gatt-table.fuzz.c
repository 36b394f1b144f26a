/*
 * The GATT server's connection table against a model: an input is a sequence of calls of both tasks. The model has no
 * ring, no bits and no reused places, so that it is wrong in other ways than the table.
 */

#include "gatt-table.h"
#include "target.h"

/** A connection since it was opened. Its place may be another connection's after its end was taken. */
struct model {
	bool is_used, is_open, is_established, is_reported;
	uint16_t handle;
	bool subscribed[GATT_CHARACTERISTICS], known[GATT_CHARACTERISTICS];
	/** Value that a central reads; -1: an error. */
	int length[GATT_CHARACTERISTICS];
	uint8_t fill[GATT_CHARACTERISTICS];
	int written;
};

static struct gatt_table table;
static struct model models[GATT_CONNECTIONS];

static int find(uint16_t handle)
{
	for (int i = 0; i < GATT_CONNECTIONS; i++) {
		if (models[i].is_used && models[i].is_open && models[i].handle == handle)
			return i;
	}
	return GATT_NONE;
}

static void model_open(int index, uint16_t handle)
{
	if (index == GATT_NONE) {
		for (int i = 0; i < GATT_CONNECTIONS; i++)
			EXPECT(models[i].is_used);
		return;
	}
	EXPECT(index >= 0 && index < GATT_CONNECTIONS);
	struct model *model = &models[index];
	if (find(handle) == index)
		return;
	EXPECT(find(handle) == GATT_NONE && !model->is_used);
	*model = (struct model){ .is_used = true, .is_open = true, .handle = handle, .written = GATT_NONE };
	for (int i = 0; i < GATT_CHARACTERISTICS; i++)
		model->length[i] = -1;
}

static void establish(uint16_t handle)
{
	int former = find(handle);
	if (former != GATT_NONE && models[former].is_established)
		models[former].is_open = false;
	int index = gatt_table_establish(&table, handle);
	model_open(index, handle);
	if (index != GATT_NONE)
		models[index].is_established = true;
}

static void write_value(uint16_t handle, int characteristic, uint16_t length, uint8_t fill)
{
	int index = find(handle);
	int expected = index == GATT_NONE ? GATT_UNLIKELY
		: length > GATT_VALUE_BYTES ? GATT_INVALID_LENGTH
		: models[index].written != GATT_NONE ? GATT_INSUFFICIENT_RESOURCES : GATT_OK;
	uint8_t *bytes = malloc(length + 1u);
	memset(bytes, fill, length);
	EXPECT(gatt_table_write(&table, handle, characteristic, bytes, length) == expected);
	if (expected != GATT_OK) {
		free(bytes);
		return;
	}
	for (int i = 0; i < GATT_CHARACTERISTICS; i++)
		models[index].length[i] = -1;
	models[index].length[characteristic] = length;
	models[index].fill[characteristic] = fill;
	models[index].written = characteristic;
}

static void read_value(uint16_t handle, int characteristic)
{
	int index = find(handle);
	const uint8_t *bytes = NULL;
	uint16_t length = 0;
	int result = gatt_table_read(&table, handle, characteristic, &bytes, &length);
	if (index == GATT_NONE || models[index].length[characteristic] < 0) {
		EXPECT(result == GATT_INSUFFICIENT_RESOURCES);
		return;
	}
	EXPECT(result == GATT_OK && length == models[index].length[characteristic]);
	for (int i = 0; i < length; i++)
		EXPECT(bytes[i] == models[index].fill[characteristic]);
}

static void set_value(int index, int characteristic, uint16_t length, uint8_t fill)
{
	uint8_t bytes[GATT_VALUE_BYTES + 1];
	struct model *model = &models[index];
	memset(bytes, fill, sizeof bytes);
	gatt_table_set_value(&table, index, characteristic, bytes, length);
	if (!model->is_used || !model->is_open || model->written != GATT_NONE || length > GATT_VALUE_BYTES)
		return;
	model->length[characteristic] = length;
	model->fill[characteristic] = fill;
}

static void check_written(const struct model *model, const struct gatt_event *event)
{
	EXPECT(model->written == event->characteristic);
	EXPECT(!model->is_open || model->length[model->written] == event->byte_length);
	for (int i = 0; i < event->byte_length; i++)
		EXPECT(event->bytes[i] == model->fill[model->written]);
}

/** Takes an event. The engine learns of a connection, then of what changed, and at last of its end. */
static bool take_event(void)
{
	struct gatt_event event;
	if (!gatt_table_take(&table, &event)) {
		for (int i = 0; i < GATT_CONNECTIONS; i++) {
			const struct model *model = &models[i];
			EXPECT(!model->is_used || (model->is_open && model->is_reported && model->written == GATT_NONE));
		}
		return false;
	}
	if (event.type == GATT_READY)
		return true;
	struct model *model = &models[event.connection];
	EXPECT(model->is_used && model->is_reported == (event.type != GATT_CONNECTED));
	switch (event.type) {
	case GATT_CONNECTED:
		model->is_reported = true;
		break;
	case GATT_SUBSCRIBED:
	case GATT_UNSUBSCRIBED:
		EXPECT(model->known[event.characteristic] == (event.type == GATT_UNSUBSCRIBED));
		model->known[event.characteristic] = event.type == GATT_SUBSCRIBED;
		EXPECT(model->known[event.characteristic] == (model->is_open && model->subscribed[event.characteristic]));
		break;
	case GATT_WRITTEN:
		check_written(model, &event);
		gatt_table_accept(&table, event.connection);
		model->written = GATT_NONE;
		break;
	default:
		EXPECT(!model->is_open && model->written == GATT_NONE);
		for (int i = 0; i < GATT_CHARACTERISTICS; i++)
			EXPECT(!model->known[i]);
		model->is_used = false;
	}
	return true;
}

static void step(struct input *input)
{
	uint8_t call = take_byte(input);
	uint16_t handle = call >> 5;
	uint8_t argument = take_byte(input);
	int characteristic = argument % GATT_CHARACTERISTICS;
	int index = find(handle);
	switch (call % 9) {
	case 0:
		establish(handle);
		break;
	case 1:
		model_open(gatt_table_open(&table, handle), handle);
		break;
	case 2:
		gatt_table_end(&table, handle);
		if (index != GATT_NONE)
			models[index].is_open = false;
		break;
	case 3:
		gatt_table_set_mtu(&table, handle, (uint16_t)take_number(input));
		EXPECT(index == GATT_NONE || table.connections[index].mtu >= GATT_LEAST_MTU);
		break;
	case 4:
		gatt_table_subscribe(&table, handle, characteristic, argument & 0x80);
		if (index != GATT_NONE)
			models[index].subscribed[characteristic] = argument & 0x80;
		break;
	case 5:
		write_value(handle, characteristic, (uint16_t)(take_number(input) % (GATT_VALUE_BYTES + 2)), argument);
		break;
	case 6:
		read_value(handle, characteristic);
		break;
	case 7:
		set_value(argument % GATT_CONNECTIONS, handle % GATT_CHARACTERISTICS,
			  (uint16_t)(take_number(input) % (GATT_VALUE_BYTES + 2)), argument);
		break;
	default:
		take_event();
	}
}

static void check_state(void)
{
	for (int i = 0; i < GATT_CONNECTIONS; i++) {
		bool is_open = models[i].is_used && models[i].is_open;
		EXPECT(gatt_table_is_open(&table, i) == is_open);
		for (int j = 0; j < GATT_CHARACTERISTICS; j++)
			EXPECT(gatt_table_is_subscribed(&table, i, j) == (is_open && models[i].subscribed[j]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct input input = { bytes, length };
	memset(&table, 0, sizeof table);
	memset(models, 0, sizeof models);
	table.is_ready = take_byte(&input) & 1;
	while (input.length > 0) {
		step(&input);
		check_state();
	}
	for (int i = 0; i < GATT_CONNECTIONS; i++) {
		models[i].is_open = false;
		gatt_table_end(&table, models[i].handle);
	}
	/* A connection has at most its beginning, its end, a write and two changes of each subscription. */
	int most = 1 + GATT_CONNECTIONS * (3 + 2 * GATT_CHARACTERISTICS);
	while (take_event())
		EXPECT(most-- > 0);
	check_state();
	/* The places serve the next connections. */
	for (uint16_t i = 0; i < GATT_CONNECTIONS; i++)
		establish(i);
	EXPECT(find(GATT_CONNECTIONS - 1) != GATT_NONE);
	return 0;
}
