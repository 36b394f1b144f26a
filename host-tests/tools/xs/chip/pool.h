/* Memory of the machine: chunks grow from the start, slots from the end. */

#ifndef CHIP_POOL_H
#define CHIP_POOL_H

typedef struct {
	txByte *start;
	txByte *end;
	/* Neither chunks nor slots have the bytes between these. */
	txByte *chunksEnd;
	txByte *slotsStart;
	/* Garbage is collected before each allocation. */
	txBoolean isForced;
} Pool;

/* The largest amount of live memory of a step. */
typedef struct {
	txSize bytes;
	txSize slots;
	txSize chunkBytes;
} Peak;

/* The last request that did not fit. */
typedef struct {
	const char *kind;
	txSize bytes;
} Refusal;

extern Pool gPool;
extern Peak gPeak;
extern Refusal gRefusal;

void makePool(txSize bytes);
/* Call it after a collection. */
void measureLive(txMachine *the);

#endif
