// Print the sha256 of the values of arrays of a store, as they lie in memory: node digests.mjs STORE ARRAY...
// STORE is a folder or an address. With ARRAY:ROW, of one row alone.
import { createHash } from "node:crypto";

import FileSystemStore from "@zarrita/storage/fs";
import * as zarr from "zarrita";

const [place, ...names] = process.argv.slice(2);
const store = place.startsWith("http") ? new zarr.FetchStore(place) : new FileSystemStore(place);
const found = {};
for (const asked of names) {
  const [name, row] = asked.split(":");
  const array = await zarr.open(zarr.root(store).resolve(name), { kind: "array" });
  const rest = array.shape.slice(1).map(() => null);
  const { data, shape } = await zarr.get(array, row === undefined ? null : [Number(row), ...rest]);
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  found[asked] = [createHash("sha256").update(bytes).digest("hex"), shape, array.dtype];
}
console.log(JSON.stringify(found));
