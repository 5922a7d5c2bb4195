import { textOfBody } from "../plugins/json-body.ts";
import { UnreadableItem } from "./parse-usage-body.ts";

const lineFeed = 10;

export interface LineParser {
  /** @throws MALFORMED_BODY for bytes that are not UTF-8. */
  push(chunk: Buffer): void;
  /** The last line, which may lack its end. */
  end(): void;
}

/**
 * Parses NDJSON as it arrives: each complete line is one item, empty ones are none, and one that cannot be read is an
 * `UnreadableItem`. No more is kept of the text than the line that is not complete yet.
 */
export function createLineParser(take: (item: unknown) => void): LineParser {
  let open: Buffer[] = [];

  function parse(lines: Buffer): void {
    for (const line of textOfBody(lines).split("\n")) if (line.trim() !== "") take(parseLine(line));
  }

  return {
    push: (chunk) => {
      // A line feed is never a part of another character, so text between two of them is whole.
      const end = chunk.lastIndexOf(lineFeed);
      if (end === -1) {
        open.push(chunk);
        return;
      }
      parse(Buffer.concat([...open, chunk.subarray(0, end)]));
      open = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : [];
    },
    end: () => {
      parse(Buffer.concat(open));
      open = [];
    },
  };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return new UnreadableItem("the line is not valid JSON");
  }
}
