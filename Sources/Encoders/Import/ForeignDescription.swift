/// A foreign description turned into ours, with what was decided on the way.
struct ForeignDescription: Sendable {
    let configuration: DualEncoderConfiguration
    let ignoredKeys: [String]
    let notes: [String]

    /// Builds the configuration, or throws every problem in one error.
    init(
        at place: String, findings: ForeignFindings,
        _ configuration: () throws(EncodersError) -> DualEncoderConfiguration
    ) throws(EncodersError) {
        guard findings.problems.isEmpty else {
            throw EncodersError(
                .unsupportedModel,
                findings.problems.joined(separator: "; ") + "; this build refuses what it does not compute exactly",
                at: place)
        }
        do {
            self.configuration = try configuration()
        } catch {
            throw EncodersError(error.code, error.message, at: place, cause: error.cause)
        }
        ignoredKeys = findings.ignoredKeys
        notes = findings.notes
    }

    /// The activation a description states, or the one that was asked for; a contradiction is a problem.
    static func activation(
        stated: DualEncoderConfiguration.Activation?, fallback: DualEncoderConfiguration.Activation,
        asked: DualEncoderConfiguration.Activation?, key: String, findings: ForeignFindings
    ) -> DualEncoderConfiguration.Activation {
        if let stated {
            if let asked, asked != stated {
                findings.problems.append("\(key) says \(stated.rawValue) but \(asked.rawValue) was asked for")
            }
            return stated
        }
        if asked == nil {
            findings.notes.append(
                "\(key) is not stated: taken as \(fallback.rawValue), as its library does; say otherwise if the weights were trained with another"
            )
        }
        return asked ?? fallback
    }

    /// The ratio whose truncated product with `width` is `hiddenWidth`.
    static func mlpRatio(hiddenWidth: Int, width: Int) -> Double {
        guard width > 0 else { return 0 }
        var ratio = Double(hiddenWidth) / Double(width)
        // Division rounds; at most a step up makes the product reach the integer again.
        while Double(width) * ratio < Double(hiddenWidth) { ratio = ratio.nextUp }
        return ratio
    }
}
