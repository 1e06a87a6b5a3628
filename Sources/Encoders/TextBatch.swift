/// Texts as the text tower takes them: one behind the other, without padding unless the tower sees it.
struct TextBatch {
    /// A slice holds about this many tokens: matrix products run at full speed, and activations stay in the caches.
    static let sliceTokenCount = 512

    private(set) var tokens: [Int32] = []
    /// The place of each token in its text.
    private(set) var places: [Int32] = []
    /// Where each text starts.
    private(set) var sequences = SequenceOffsets()
    /// The row of each text that is pooled.
    private(set) var pooledRows: [Int32] = []

    /// Lays out texts of a model.
    init(_ texts: ArraySlice<[Int32]>, _ configuration: DualEncoderConfiguration.Text) {
        let pad = Int32(configuration.padTokenID)
        for text in texts {
            let length = configuration.computedLength(of: text)
            for place in 0..<length {
                tokens.append(place < text.count ? text[place] : pad)
                places.append(Int32(place))
            }
            pooledRows.append(Int32(sequences.rowCount + configuration.pooledPlace(of: text)))
            sequences.append(length: length)
        }
    }

    /// The texts of each slice: as many in a row as have `sliceTokenCount` tokens, at least one.
    static func slices(of texts: [[Int32]], in configuration: DualEncoderConfiguration.Text) -> [Range<Int>] {
        var slices: [Range<Int>] = []
        var (first, tokenCount) = (0, 0)
        for (index, text) in texts.enumerated() {
            let length = configuration.computedLength(of: text)
            if index > first, tokenCount + length > sliceTokenCount {
                slices.append(first..<index)
                (first, tokenCount) = (index, 0)
            }
            tokenCount += length
        }
        if first < texts.count { slices.append(first..<texts.count) }
        return slices
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
    var seesPadding: Bool { isPadded && !(isCausal && pooling == .endToken) }
}
