import FoundationEssentials

/// The answer to one search, as `vlmpipe search --json` prints it and the result page shows it.
///
/// The JSON form is `Schemas/search-result.schema.json`; values that were not measured are written as null.
public struct SearchResult: Codable, Sendable, Equatable {
    /// The query as the user gave it.
    public var query: String
    /// The digest of the space that was searched, in lower-case hexadecimal.
    public var space: String
    /// How it was searched: `exact` or the name of an approximate method.
    public var mode: String
    /// The measured recall of the method, 0 to 1; nil where it was not measured.
    public var recall: Double?
    /// How long the search took, without start-up.
    public var milliseconds: Double
    /// The hits, best first.
    public var hits: [SearchHit]

    /// Makes a result.
    public init(
        query: String, space: String, mode: String, recall: Double?, milliseconds: Double, hits: [SearchHit]
    ) {
        self.query = query
        self.space = space
        self.mode = mode
        self.recall = recall
        self.milliseconds = milliseconds
        self.hits = hits
    }

    private enum CodingKeys: String, CodingKey { case query, space, mode, recall, milliseconds, hits }

    /// Writes all keys, also those without a value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(query, forKey: .query)
        try container.encode(space, forKey: .space)
        try container.encode(mode, forKey: .mode)
        try container.encode(recall, forKey: .recall)
        try container.encode(milliseconds, forKey: .milliseconds)
        try container.encode(hits, forKey: .hits)
    }

    /// The JSON text, keys sorted, one line unless `isIndented`. Throws when a number is not finite.
    public func jsonText(isIndented: Bool = false) throws -> String { try stableJSON(self, isIndented: isIndented) }
}

/// One image (or a part of one) that a search found.
public struct SearchHit: Codable, Sendable, Equatable {
    /// A rectangle in integer pixels of the oriented original; in JSON `[x, y, width, height]`.
    public struct Box: Codable, Sendable, Equatable {
        /// Distance of the left edge.
        public var x: Int
        /// Distance of the upper edge.
        public var y: Int
        /// Extent to the right.
        public var width: Int
        /// Extent downwards.
        public var height: Int

        /// Makes a box.
        public init(x: Int, y: Int, width: Int, height: Int) {
            self.x = x
            self.y = y
            self.width = width
            self.height = height
        }

        /// Reads an array of four integers.
        public init(from decoder: any Decoder) throws {
            let values = try decoder.singleValueContainer().decode([Int].self)
            guard values.count == 4, values[2] >= 0, values[3] >= 0 else {
                throw DecodingError.dataCorrupted(
                    .init(codingPath: decoder.codingPath, debugDescription: "a box is [x, y, width, height]"))
            }
            self.init(x: values[0], y: values[1], width: values[2], height: values[3])
        }

        /// Writes an array of four integers.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode([x, y, width, height])
        }
    }

    /// Place in the result, from 1.
    public var rank: Int
    /// Similarity, higher is better; for a plain query the cosine.
    public var score: Float
    /// The sample's key.
    public var key: String
    /// The data set's name.
    public var dataset: String
    /// The path of the shard that holds the image.
    public var shard: String
    /// Where the image's bytes begin.
    public var offset: Int
    /// How many bytes they are.
    public var length: Int
    /// The sample's captions, in their order.
    public var captions: [String]
    /// The part of the image that was matched; nil for all of it.
    public var box: Box?
    /// The tile pyramid's level; 0 for the whole image.
    public var level: Int

    /// Makes a hit.
    public init(
        rank: Int, score: Float, key: String, dataset: String, shard: String, offset: Int, length: Int,
        captions: [String], box: Box? = nil, level: Int = 0
    ) {
        self.rank = rank
        self.score = score
        self.key = key
        self.dataset = dataset
        self.shard = shard
        self.offset = offset
        self.length = length
        self.captions = captions
        self.box = box
        self.level = level
    }

    private enum CodingKeys: String, CodingKey {
        case rank, score, key, dataset, shard, offset, length, captions, box, level
    }

    /// Writes all keys, also those without a value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(rank, forKey: .rank)
        try container.encode(score, forKey: .score)
        try container.encode(key, forKey: .key)
        try container.encode(dataset, forKey: .dataset)
        try container.encode(shard, forKey: .shard)
        try container.encode(offset, forKey: .offset)
        try container.encode(length, forKey: .length)
        try container.encode(captions, forKey: .captions)
        try container.encode(box, forKey: .box)
        try container.encode(level, forKey: .level)
    }
}

/// JSON with sorted keys, so that equal values give equal bytes.
func stableJSON(_ value: some Encodable, isIndented: Bool) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if isIndented { encoder.outputFormatting.insert(.prettyPrinted) }
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}
