/// Every setting of the optimisation, with the defaults of the tuned small-data baseline.
///
/// Two runs with equal recipe, model and data give the same parameters bit for bit, whatever the number of threads.
/// Decoding is strict: unknown keys and values out of range are errors, and all of them are reported together. Keys that
/// are left out take their default.
///
///     var recipe = TrainingRecipe()
///     recipe.batchSize = 128
///     recipe.length = .epochs(12)
///     try recipe.validate()
public struct TrainingRecipe: Sendable, Equatable {
    /// How long a run is.
    public enum Length: Sendable, Equatable {
        /// Passes over the data; the key `epochs`.
        case epochs(Int)
        /// Samples seen, rounded up to whole batches; the key `samples`.
        case samples(Int)
    }

    /// Seed of parameters, sample order and augmentation.
    public var seed: UInt64 = 1
    /// Samples of a batch.
    public var batchSize = 256
    /// The length of the run.
    public var length = Length.epochs(30)
    /// The largest learning rate η.
    public var learningRate = 1e-3
    /// AdamW's β₁.
    public var beta1 = 0.9
    /// AdamW's β₂.
    public var beta2 = 0.98
    /// AdamW's ε.
    public var epsilon = 1e-6
    /// Decoupled weight decay λ; for matrices only, not for gains, biases, positions, class token and logit scale.
    public var weightDecay = 0.2
    /// The share of the steps in which the rate rises.
    public var warmupFraction = 0.08
    /// The largest global L2 norm of a gradient; larger ones are scaled down to it.
    public var clipNorm = 1.0
    /// Rows of a slice. Part of the result: another number changes the last bits.
    public var sliceRowCount = 32
    /// Gradient buffers per tower; slice i adds to lane i mod this. Part of the result.
    public var gradientLaneCount = 2
    /// Steps between two checkpoints.
    public var checkpointInterval = 50
    /// Hold-out evaluations during the run, spread evenly; the last one is at the end. 0 for none.
    public var evaluationCount = 10
    /// Batches loaded ahead of the one that is computed.
    public var prefetchBatchCount = 1

    /// The defaults.
    public init() {}

    /// Everything that is wrong with the values, one message each; empty when they are valid.
    public var problems: [String] {
        var problems: [String] = []
        func check<Value: Comparable>(_ key: String, _ value: Value, in range: ClosedRange<Value>) {
            guard !range.contains(value) else { return }
            problems.append("\(key): is \(value), must be from \(range.lowerBound) to \(range.upperBound)")
        }
        check("batchSize", batchSize, in: 2...65536)
        switch length {
        case .epochs(let count): check("epochs", count, in: 1...1_000_000)
        case .samples(let count): check("samples", count, in: 1...1_000_000_000_000)
        }
        check("learningRate", learningRate, in: 1e-9...10)
        check("beta1", beta1, in: 0...0.9999)
        check("beta2", beta2, in: 0...0.999_999)
        check("epsilon", epsilon, in: 1e-16...1)
        check("weightDecay", weightDecay, in: 0...10)
        check("warmupFraction", warmupFraction, in: 0...1)
        check("clipNorm", clipNorm, in: 1e-6...1e9)
        check("sliceRowCount", sliceRowCount, in: 1...4096)
        check("gradientLaneCount", gradientLaneCount, in: 1...64)
        check("checkpointInterval", checkpointInterval, in: 1...1_000_000)
        check("evaluationCount", evaluationCount, in: 0...1_000_000)
        check("prefetchBatchCount", prefetchBatchCount, in: 0...64)
        return problems
    }

    /// Throws one error that names every problem.
    ///
    /// - Throws: `TrainingError` (`invalidRecipe`).
    public func validate() throws(TrainingError) {
        try Self.refuse(problems)
    }

    fileprivate static func refuse(_ problems: [String]) throws(TrainingError) {
        guard !problems.isEmpty else { return }
        let list = problems.count == 1 ? problems[0] : "\n  " + problems.joined(separator: "\n  ")
        throw TrainingError(.invalidRecipe, "the training settings must be corrected: \(list)")
    }

    /// The schedule of a run of so many steps.
    public func schedule(stepCount: Int) -> LearningRateSchedule {
        LearningRateSchedule(
            peakRate: learningRate, warmupStepCount: Int((warmupFraction * Double(stepCount)).rounded()),
            stepCount: stepCount)
    }
}

extension TrainingRecipe: Codable {
    /// The settings as they are spelt in files.
    public enum Key: String, CodingKey, CaseIterable {
        case seed, batchSize, epochs, samples, learningRate, beta1, beta2, epsilon, weightDecay, warmupFraction,
            clipNorm
        case sliceRowCount, gradientLaneCount, checkpointInterval, evaluationCount, prefetchBatchCount
    }

    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Decodes strictly; see the type.
    ///
    /// - Throws: `TrainingError` (`invalidRecipe`) that names every problem.
    public init(from decoder: any Decoder) throws {
        self.init()
        let all = try decoder.container(keyedBy: AnyKey.self)
        let container = try decoder.container(keyedBy: Key.self)
        var problems: [String] = []
        for key in all.allKeys.map(\.stringValue).sorted() where Key(rawValue: key) == nil {
            let known = Key.allCases.map(\.rawValue).joined(separator: ", ")
            problems.append("\(key): unknown setting; known here: \(known)")
        }
        func value<Value: Decodable>(_ key: Key, _ kind: String, _ standard: Value) -> Value {
            optional(key, kind) ?? standard
        }
        func optional<Value: Decodable>(_ key: Key, _ kind: String) -> Value? {
            do {
                return try container.decodeIfPresent(Value.self, forKey: key)
            } catch {
                problems.append("\(key.rawValue): must be \(kind)")
                return nil
            }
        }
        let whole = "a whole number"
        let number = "a number"
        seed = value(.seed, "a whole number that is not negative", seed)
        batchSize = value(.batchSize, whole, batchSize)
        learningRate = value(.learningRate, number, learningRate)
        beta1 = value(.beta1, number, beta1)
        beta2 = value(.beta2, number, beta2)
        epsilon = value(.epsilon, number, epsilon)
        weightDecay = value(.weightDecay, number, weightDecay)
        warmupFraction = value(.warmupFraction, number, warmupFraction)
        clipNorm = value(.clipNorm, number, clipNorm)
        sliceRowCount = value(.sliceRowCount, whole, sliceRowCount)
        gradientLaneCount = value(.gradientLaneCount, whole, gradientLaneCount)
        checkpointInterval = value(.checkpointInterval, whole, checkpointInterval)
        evaluationCount = value(.evaluationCount, whole, evaluationCount)
        prefetchBatchCount = value(.prefetchBatchCount, whole, prefetchBatchCount)
        let epochs: Int? = optional(.epochs, whole)
        let samples: Int? = optional(.samples, whole)
        switch (epochs, samples) {
        case (let epochs?, nil): length = .epochs(epochs)
        case (nil, let samples?): length = .samples(samples)
        case (.some, .some): problems.append("epochs, samples: set one of the two")
        case (nil, nil): break
        }
        try Self.refuse(problems + self.problems)
    }

    /// Writes every setting.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(seed, forKey: .seed)
        try container.encode(batchSize, forKey: .batchSize)
        switch length {
        case .epochs(let count): try container.encode(count, forKey: .epochs)
        case .samples(let count): try container.encode(count, forKey: .samples)
        }
        try container.encode(learningRate, forKey: .learningRate)
        try container.encode(beta1, forKey: .beta1)
        try container.encode(beta2, forKey: .beta2)
        try container.encode(epsilon, forKey: .epsilon)
        try container.encode(weightDecay, forKey: .weightDecay)
        try container.encode(warmupFraction, forKey: .warmupFraction)
        try container.encode(clipNorm, forKey: .clipNorm)
        try container.encode(sliceRowCount, forKey: .sliceRowCount)
        try container.encode(gradientLaneCount, forKey: .gradientLaneCount)
        try container.encode(checkpointInterval, forKey: .checkpointInterval)
        try container.encode(evaluationCount, forKey: .evaluationCount)
        try container.encode(prefetchBatchCount, forKey: .prefetchBatchCount)
    }
}
