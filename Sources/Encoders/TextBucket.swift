/// Texts whose lengths round up to the same multiple of 8, encoded together in slices of a fixed number of rows.
struct TextBucket {
    /// Lengths round up to a multiple of this: few shapes, little padding.
    static let lengthMultiple = 8
    /// A slice holds about this many tokens: matrix products run at nine tenths of their best speed, and a single query does not
    /// wait for much padding.
    static let sliceTokenCount = 64

    let paddedLength: Int
    /// Which of the given texts are in the bucket, in order.
    var members: [Int] = []

    /// Rows of every slice of this bucket.
    var rowCount: Int { Self.rowCount(paddedLength: paddedLength) }

    static func rowCount(paddedLength: Int) -> Int {
        max(1, sliceTokenCount / paddedLength)
    }

    /// The buckets that `texts` fall into, shortest first.
    static func buckets(of texts: [[Int32]], in configuration: DualEncoderConfiguration.Text) -> [TextBucket] {
        var byLength: [Int: TextBucket] = [:]
        for (index, text) in texts.enumerated() {
            let length = configuration.computedLength(of: text)
            let rounded = (length + lengthMultiple - 1) / lengthMultiple * lengthMultiple
            let padded = min(rounded, configuration.contextLength)
            byLength[padded, default: TextBucket(paddedLength: padded)].members.append(index)
        }
        return byLength.values.sorted { $0.paddedLength < $1.paddedLength }
    }

    /// The rows of one slice.
    struct Packed {
        var tokens: [Int32] = []
        var places: [Int32] = []
        /// Each text is a sequence of the tokens its pooled one may see, followed by the rest of the row as another, which nobody
        /// looks at.
        var sequences: [Int32] = [0]
        /// One query per text, none for padding.
        var queryOffsets: [Int32] = [0]
        var pooledRows: [Int32] = []
    }

    /// Lays out up to `rowCount` texts; rows without a text are padding but for one token.
    func pack(_ texts: [[Int32]], _ configuration: DualEncoderConfiguration.Text) -> Packed {
        let pad = Int32(configuration.padTokenID)
        var packed = Packed()
        for row in 0..<rowCount {
            let text = row < texts.count ? texts[row] : [pad]
            let length = row < texts.count ? configuration.computedLength(of: text) : 1
            let pooledPlace = row < texts.count ? configuration.pooledPlace(of: text) : 0
            for place in 0..<paddedLength {
                packed.tokens.append(place < min(length, text.count) ? text[place] : pad)
                packed.places.append(Int32(place))
            }
            let start = Int32(row * paddedLength)
            packed.sequences += [start + Int32(length), start + Int32(paddedLength)]
            packed.queryOffsets += [Int32(row + 1), Int32(row + 1)]
            packed.pooledRows.append(start + Int32(pooledPlace))
        }
        return packed
    }
}

extension DualEncoderConfiguration.Text {
    /// The tokens that take part: the context where padding is seen, else those up to and including the first end token. Traps on
    /// a text that no tokenizer of this model makes.
    func computedLength(of text: [Int32]) -> Int {
        let length = pooledLength(of: text)
        return seesPadding ? contextLength : length
    }

    /// The place of the pooled token among them.
    func pooledPlace(of text: [Int32]) -> Int {
        pooling == .last ? contextLength - 1 : pooledLength(of: text) - 1
    }

    /// What follows the end token of a causal tower that pools there cannot reach it.
    private var seesPadding: Bool { isPadded && !(isCausal && pooling == .endToken) }
}
