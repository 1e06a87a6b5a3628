/// What the matrix products of a dual encoder are computed in.
public enum Precision: String, Sendable, CaseIterable, Codable {
    /// Float32 throughout: the reference.
    case fp32
    /// The products of transformer blocks and of pooling keys and values in 8-bit integers: weights by output channel, activations
    /// by token; patches in 8-bit pixels and weights of 16 bits, attention of images in 16 bits. Everything else stays in Float32:
    /// convolutional towers, input channels that a layer norm makes much larger than the rest, query, key, value and attention behind
    /// such a norm, and text towers that have such channels.
    case int8
}
