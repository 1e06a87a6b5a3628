extension ForeignNaming {
    /// What other tensors do to a parameter after its own tensor was read: layers that inference joins with their neighbour.
    ///
    /// All other tensors are vectors with one value per output channel. The parameter's channels are its first axis. Each value
    /// is computed in Double from the stored ones and rounded once.
    struct Folding: Sendable {
        /// The layer that disappears.
        enum Rule: Sendable {
            /// A weight under batch normalisation with the statistics of training (Ioffe and Szegedy 2015):
            /// w · gain / √(variance + epsilon), from [gain, variance].
            case batchNormWeight
            /// The bias of the two together, from batch normalisation's own:
            /// b − mean · gain / √(variance + epsilon), from [gain, variance, mean].
            case batchNormBias
            /// A weight or a bias whose outputs are multiplied by [scale].
            case layerScale
        }

        let rule: Rule
        /// The other tensors, in the rule's order.
        let tensors: [String]
    }
}

extension ForeignNaming.Folding.Rule {
    /// PyTorch's default, which every such model has.
    static let batchNormEpsilon = 1e-5

    /// Changes `values` [channels, n] with the other tensors' values, [channels] each.
    func apply(to values: inout MutableSpan<Float>, others: [[Float]]) {
        let channelCount = others[0].count
        let count = values.count / channelCount
        precondition(
            count * channelCount == values.count && others.allSatisfy { $0.count == channelCount },
            "folding \(others.map(\.count)) values into \(values.count)")
        for channel in 0..<channelCount {
            let (factor, summand) = affine(others.map { Double($0[channel]) })
            for index in channel * count..<(channel + 1) * count {
                values[index] = Float(Double(values[index]) * factor + summand)
            }
        }
    }

    /// What a channel is multiplied by, and what is added then.
    private func affine(_ others: [Double]) -> (factor: Double, summand: Double) {
        switch self {
        case .layerScale: (others[0], 0)
        case .batchNormWeight: (others[0] / (others[1] + Self.batchNormEpsilon).squareRoot(), 0)
        case .batchNormBias: (1, -others[2] * others[0] / (others[1] + Self.batchNormEpsilon).squareRoot())
        }
    }
}

extension ForeignNaming.Row {
    /// The weight and bias at `parameter` from a convolution without bias and the batch normalisation behind it.
    static func batchNormalised(
        _ parameter: String, convolution: String, norm: String
    ) -> [Self] {
        let statistics = ["\(norm).weight", "\(norm).running_var"]
        var weight = Self("\(parameter).weight", from: "\(convolution).weight", .channelsSecond)
        weight.folding = .init(rule: .batchNormWeight, tensors: statistics)
        var bias = Self("\(parameter).bias", from: "\(norm).bias")
        bias.folding = .init(rule: .batchNormBias, tensors: statistics + ["\(norm).running_mean"])
        return [weight, bias]
    }

    /// The weight and bias at `parameter` from a linear map whose outputs are multiplied by the tensor `scale`.
    static func scaled(_ parameter: String, linear: String, by scale: String) -> [Self] {
        ["weight", "bias"].map { kind in
            var row = Self("\(parameter).\(kind)", from: "\(linear).\(kind)")
            row.folding = .init(rule: .layerScale, tensors: [scale])
            return row
        }
    }
}
