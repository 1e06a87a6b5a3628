import Kernels
import Tensors

/// A few texts on their way through the text tower, with everything their backward pass needs.
///
/// Texts are packed without padding: tokens behind a text's end token cannot reach the pooled position of a causal tower, so they
/// are not computed. Ownership and threads as for `ImageTowerSlice`.
public final class TextTowerSlice {
    private let configuration: DualEncoderConfiguration
    private let tower: TextTowerLayers
    private let projection: LinearLayer
    private let maximumRowCount: Int
    private let tape: Tape
    private var sequences = SequenceOffsets()
    private var queryOffsets = SequenceOffsets()
    private var pooledRows: [Int32] = []
    private var packedTokens: [Int32] = []
    private var places: [Int32] = []
    private var result: TapeValue?

    /// Makes a slice for up to `maximumRowCount` texts; memory is taken by the first `forward`. Traps unless the configuration
    /// `isTrainable`.
    public init(architecture: DualEncoderArchitecture, maximumRowCount: Int) {
        precondition(maximumRowCount > 0, "text slice of \(maximumRowCount) rows")
        configuration = architecture.configuration
        tower = architecture.textTower
        guard configuration.isTrainable, let projection = tower.projection else {
            preconditionFailure("text tower: \(configuration.trainingProblems.joined(separator: "; "))")
        }
        self.projection = projection
        self.maximumRowCount = maximumRowCount
        tape = Tape(workspaces: architecture.workspaces)
    }

    /// Embeds the texts and writes their unit-length rows to `embeddings` [N, E] from row `rowOffset` on.
    ///
    /// Each text runs from its start token to its end token and is not padded; it is pooled at its first end token, or
    /// its last token when there is none. Traps on empty or over-long texts and on ids outside the vocabulary.
    public func forward(tokens: [[Int32]], parameters: FloatBuffer, embeddings: FloatBuffer, at rowOffset: Int) {
        precondition(
            !tokens.isEmpty && tokens.count <= maximumRowCount,
            "\(tokens.count) texts in a slice of at most \(maximumRowCount)")
        // The tape's operations share these arrays; it forgets them first, so that filling anew copies nothing.
        tape.begin(parameters: parameters)
        pack(tokens)
        let activation = configuration.activation.function
        var x = tape.embedding(
            table: tower.tokenEmbedding, positions: tower.positions, tokens: packedTokens, places: places,
            width: configuration.text.width)
        for block in tower.blocks.dropLast() {
            x = block(x, on: tape, sequences: sequences, isCausal: true, activation: activation)
        }
        if let last = tower.blocks.last {
            x = last.pooled(
                x, on: tape, sequences: sequences, pooledRows: pooledRows, queryOffsets: queryOffsets,
                activation: activation)
        }
        let embedding = tape.l2Normalize(projection(tower.finalNorm(x, on: tape), on: tape))
        result = embedding
        let dimension = configuration.embeddingDimension
        RowKernels.copy(
            tape.region(of: embedding),
            to: FloatRegion(embeddings, offset: rowOffset * dimension, count: tokens.count * dimension))
    }

    /// Adds the gradients of the last `forward`'s parameters to `gradient`, given the gradient of its embeddings in rows
    /// `rowOffset` and on of `embeddingGradient` [N, E]. Once per `forward`, with the same parameters.
    public func backward(
        embeddingGradient: FloatBuffer, at rowOffset: Int, parameters: FloatBuffer, gradient: FloatBuffer
    ) {
        guard let result else { preconditionFailure("text slice: backward without a forward before it") }
        precondition(parameters === tape.parameters, "text slice: backward with other parameters than forward")
        let dimension = configuration.embeddingDimension
        tape.backward(
            from: result,
            gradient: FloatRegion(
                embeddingGradient, offset: rowOffset * dimension, count: result.rowCount * dimension), into: gradient)
        self.result = nil
    }

    private func pack(_ tokens: [[Int32]]) {
        sequences.removeAll()
        queryOffsets.removeAll()
        pooledRows.removeAll(keepingCapacity: true)
        packedTokens.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        for text in tokens {
            let length = configuration.text.pooledLength(of: text)
            for place in 0..<length {
                packedTokens.append(text[place])
                places.append(Int32(place))
            }
            sequences.append(length: length)
            queryOffsets.append(length: 1)
            pooledRows.append(Int32(sequences.rowCount - 1))
        }
    }
}

extension DualEncoderConfiguration.Text {
    /// The tokens that reach the pooled position: up to and including the first end token. Traps on a text that no tokenizer of
    /// this model makes.
    func pooledLength(of text: [Int32]) -> Int {
        precondition(
            !text.isEmpty && text.count <= contextLength,
            "text of \(text.count) tokens, must have 1 to \(contextLength)")
        return (text.firstIndex(of: Int32(endTokenID)) ?? text.count - 1) + 1
    }
}
