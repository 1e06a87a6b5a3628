/// What the matrix products of a dual encoder are computed in.
public enum Precision: String, Sendable, CaseIterable, Codable {
    /// Float32 throughout: the reference.
    case fp32
    /// The products of transformer blocks and of pooling keys and values in 8-bit integers: weights by output channel, activations
    /// by token. Everything else stays in Float32: patches, convolutional towers, input channels that a layer norm makes much
    /// larger than the rest, and text towers that have such channels.
    case int8
}
