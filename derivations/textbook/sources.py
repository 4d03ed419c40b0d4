"""The books and papers that the entries cite."""

from derivations.textbook.entry import Source


def bishop(section: str) -> Source:
    """Pattern Recognition and Machine Learning."""
    return Source(
        "C. M. Bishop", "Pattern Recognition and Machine Learning (Springer, 2006)", section
    )


def goodfellow(section: str) -> Source:
    """Deep Learning."""
    return Source(
        "I. Goodfellow, Y. Bengio and A. Courville", "Deep Learning (MIT Press, 2016)", section
    )


def hastie(section: str) -> Source:
    """The Elements of Statistical Learning."""
    return Source(
        "T. Hastie, R. Tibshirani and J. Friedman",
        "The Elements of Statistical Learning (2nd edition, Springer, 2009)",
        section,
    )


def nielsen(section: str) -> Source:
    """Neural Networks and Deep Learning."""
    return Source(
        "M. A. Nielsen", "Neural Networks and Deep Learning (Determination Press, 2015)", section
    )


def rudin(section: str) -> Source:
    """Principles of Mathematical Analysis."""
    return Source(
        "W. Rudin",
        "Principles of Mathematical Analysis (3rd edition, McGraw-Hill, 1976)",
        section,
    )


def rumelhart(section: str) -> Source:
    """The paper that made backpropagation known."""
    return Source(
        "D. E. Rumelhart, G. E. Hinton and R. J. Williams",
        "Learning representations by back-propagating errors (Nature 323, 1986)",
        section,
    )


def elfwing(section: str) -> Source:
    """The paper of the sigmoid linear unit."""
    return Source(
        "S. Elfwing, E. Uchibe and K. Doya",
        "Sigmoid-Weighted Linear Units for Neural Network Function Approximation in Reinforcement "
        "Learning (Neural Networks 107, 2018)",
        section,
    )


def misra(section: str) -> Source:
    """The paper of mish."""
    return Source(
        "D. Misra",
        "Mish: A Self Regularized Non-Monotonic Activation Function (BMVC 2020)",
        section,
    )


def shalev_shwartz(section: str) -> Source:
    """Understanding Machine Learning."""
    return Source(
        "S. Shalev-Shwartz and S. Ben-David",
        "Understanding Machine Learning (Cambridge University Press, 2014)",
        section,
    )


def szegedy(section: str) -> Source:
    """The paper of label smoothing."""
    return Source(
        "C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna",
        "Rethinking the Inception Architecture for Computer Vision (CVPR 2016)",
        section,
    )
