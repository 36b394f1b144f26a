/** Compiles a filter for many topics. Topics of other stations are rejected by their prefix. */
export function topicMatcher(filter: string): (topic: string) => boolean {
  const wildcard = filter.search(/[+#]/);
  if (wildcard < 0) return (topic) => topic === filter;
  // `a/#` also matches `a`.
  const start = filter.slice(0, filter[wildcard] === "#" ? Math.max(0, wildcard - 1) : wildcard);
  const wanted = filter.split("/");
  return (topic) => {
    if (!topic.startsWith(start)) return false;
    const levels = topic.split("/");
    for (const [i, level] of wanted.entries()) {
      if (level === "#") return true;
      if (levels[i] === undefined || (level !== "+" && level !== levels[i])) return false;
    }
    return wanted.length === levels.length;
  };
}

/** Returns the topics of a map that match a filter. A filter without a wildcard is looked up. */
export function topicsFor(filter: string, topics: ReadonlyMap<string, unknown>): readonly string[] {
  if (!/[+#]/.test(filter)) return topics.has(filter) ? [filter] : [];
  return [...topics.keys()].filter(topicMatcher(filter));
}
